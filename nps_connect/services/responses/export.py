"""Export of confirmed responses with their contacts, oldest first, page by page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlmodel import col

from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.review_requests import load_sent_platforms
from nps_connect.ledger.tables import ContactRow, InvitationRow, ResponseRow
from nps_connect.records.base import NPS_SCALE
from nps_connect.records.responses import segment_of
from nps_connect.rules.dimensions import LOCATION
from nps_connect.services.contacts.store import confirmed_clause
from nps_connect.services.responses.dimensions import load_groups

PAGE_SIZE = 1000

EXPORT_COLUMNS = (
    "id",
    "survey",
    "touchpoint",
    "scale",
    "score",
    "segment",
    "comment",
    "language",
    "answered_at",
    "contact",
    "email",
    "name",
    "do_not_contact",
    "revision",
    "origin",
    "collected_by",
    "sent_at",
    "tags",
    "notes",
    "follow_up",
    "review_platforms",
    "location",
)


def select_responses(
    *,
    survey: str | None = None,
    scores: tuple[int, int] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    contacts: Sequence[int] | None = None,
) -> list[ColumnElement[bool]]:
    """Return the SQL conditions of confirmed responses, on any scale; None means no filter.

    Args:
        survey: name of the survey.
        scores: lowest and highest score on the NPS scale.
        since: answered at this moment or later.
        until: answered before this moment.
        contacts: ids of contacts.
    """
    conditions = [confirmed_clause()]
    if survey is not None:
        conditions.append(col(ResponseRow.survey) == survey)
    if contacts is not None:
        conditions.append(col(ResponseRow.contact_id).in_(contacts))
    if scores is not None:
        conditions += [col(ResponseRow.score).between(*scores), col(ResponseRow.scale) == NPS_SCALE]
    if since is not None:
        conditions.append(col(ResponseRow.answered_at) >= since)
    if until is not None:
        conditions.append(col(ResponseRow.answered_at) < until)
    return conditions


def export_responses(
    ledger: Ledger, conditions: Sequence[ColumnElement[bool]], zone: tzinfo, *, page: int = PAGE_SIZE
) -> Iterator[dict[str, Any]]:
    """Yield the responses that fulfil all conditions as `EXPORT_COLUMNS`, times in the given zone.

    No transaction stays open between pages.
    """
    query = (
        select(ResponseRow, ContactRow, col(InvitationRow.state), col(InvitationRow.sent_at))
        .join(ContactRow, col(ContactRow.id) == col(ResponseRow.contact_id))
        .join(InvitationRow, col(InvitationRow.id) == col(ResponseRow.invitation_id))
        .where(*conditions)
        .order_by(col(ResponseRow.answered_at), col(ResponseRow.id))
        .limit(page)
    )
    after: Any = True
    while True:
        with ledger.read() as session:
            rows = session.execute(query.where(after)).all()
            ids = [response.id for response, *_ in rows]
            platforms, groups = load_sent_platforms(session, ids), load_groups(session, ids)
        for response, contact, state, sent_at in rows:
            row = _export_row(response, contact, state, zone)
            row["sent_at"] = sent_at.astimezone(zone) if sent_at else None
            location = dict(groups.get(response.id, ())).get(LOCATION)
            yield row | {"review_platforms": platforms.get(response.id, []), "location": location}
        if len(rows) < page:
            return
        last = rows[-1][0]
        at = col(ResponseRow.answered_at)
        after = (at > last.answered_at) | ((at == last.answered_at) & (col(ResponseRow.id) > last.id))


def _export_row(row: ResponseRow, contact: ContactRow, state: str, zone: tzinfo) -> dict[str, Any]:
    return {
        "id": row.public_id,
        "survey": row.survey,
        "touchpoint": row.touchpoint,
        "scale": row.scale,
        "score": row.score,
        "segment": segment_of(row.score) if row.score is not None and row.scale == NPS_SCALE else None,
        "comment": row.comment,
        "language": row.language,
        "answered_at": row.answered_at.astimezone(zone) if row.answered_at else None,
        "contact": f"{contact.connection}:{contact.vendor_id}",
        "email": contact.email,
        "name": contact.name,
        "do_not_contact": row.do_not_contact,
        "revision": row.revision,
        "origin": "imported" if state == "imported" else "survey",
        "collected_by": row.collected_by,
        "sent_at": None,
        "tags": row.tags or [],
        "notes": row.notes or [],
        "follow_up": row.follow_up,
    }
