"""In bulk: scores that are plain to write are claimed, read and started in one transaction.

Nothing has to be asked of a vendor between the claim and the start of such a row, so nothing is gained by two
transactions and two readings. Whatever is not plain (a person of another connection, a merged or erased one, a in_doubt
try, an answer that is not confirmed, a comment that is to be linked to, a damaged value) is left to the long way, where
all of that is decided.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import Table, Text, select
from sqlalchemy import cast as sql_cast
from sqlmodel import Session

from nps_connect.ledger import claims
from nps_connect.ledger.bulk_sql import in_list, not_in_list, without_index
from nps_connect.ledger.tables import ContactRow, DeliveryRow, ResponseRow
from nps_connect.records.contacts import Contact
from nps_connect.records.deliveries import Payload
from nps_connect.records.responses import NPS_SCALE
from nps_connect.services.contacts.response_records import build_response
from nps_connect.services.contacts.store import MAX_HISTORY, build_earlier_response
from nps_connect.services.deliveries.delivery_order import out_of_order_ids
from nps_connect.services.deliveries.scores import build_score_update

CLAIM_AND_START_ACTIONS = frozenset({"write_score"})
"""Actions whose vendors take many at once, and that need no look at the person."""

ORDER_RETRY_DELAY = timedelta(seconds=1)
"""When a delivery is looked at again that waits for another one to the same person."""


@dataclass(frozen=True)
class StartedDelivery:
    """A delivery whose effect begins now."""

    row: DeliveryRow
    item: Payload


@dataclass
class ClaimedDeliveries:
    """What a claim brought.

    Attributes:
        count: how many rows were claimed.
        started: those that begin now.
        rest: those that go the long way.
    """

    count: int = 0
    started: list[StartedDelivery] = field(default_factory=list)
    rest: list[DeliveryRow] = field(default_factory=list)


_d: Table = DeliveryRow.__table__  # type: ignore[attr-defined]
_c: Table = ContactRow.__table__  # type: ignore[attr-defined]
_r: Table = ResponseRow.__table__  # type: ignore[attr-defined]

_SCORE_ROWS = (
    select(
        *(_d.c[name] for name in ("id", "key", "queue_name", "action", "contact_id", "response_id", "invitation_id")),
        *(_d.c[name] for name in ("attempts", "in_doubt", "started_at", "first_started_at")),
        sql_cast(_d.c.options, Text).label("options"),
        _c.c.connection.label("known_at"),
        (_c.c.merged_into.is_(None) & _c.c.erased_at.is_(None)).label("present"),
        sql_cast(_c.c.record, Text).label("record"),
        (_r.c.conflicting_at.is_(None) & (_r.c.revision > 0) & (_r.c.contact_id == _d.c.contact_id)).label("confirmed"),
        *(_r.c[name] for name in ("public_id", "survey", "touchpoint", "score", "comment", "language")),
        *(_r.c[name] for name in ("revision", "answered_at", "do_not_contact")),
        sql_cast(_r.c.follow_up, Text).label("follow_up_text"),
    )
    .join(_c, _c.c.id == _d.c.contact_id, isouter=True)
    .join(_r, _r.c.id == _d.c.response_id, isouter=True)
    .where(in_list(_d.c.id, "ids"))
    .order_by(_d.c.due_at, _d.c.id)
)
_EARLIER_RESPONSES = (
    select(*(_r.c[name] for name in ("contact_id", "score", "answered_at", "survey", "touchpoint", "comment")))
    .where(
        in_list(_r.c.contact_id, "people"),
        not_in_list(_r.c.id, "answers"),
        _r.c.revision > 0,
        _r.c.conflicting_at.is_(None),
        _r.c.scale == NPS_SCALE,
        without_index(_r.c.answered_at).is_not(None),
    )
    .order_by(_r.c.answered_at.desc())
)


def claim_and_start(
    session: Session, connection: str, queue_name: str, *, token: str, now: datetime, limit: int
) -> ClaimedDeliveries:
    """Claim up to `limit` due rows of a queue and start the plain ones."""
    ids = claims.claim_ids(session, DeliveryRow, queue_name, token=token, now=now, limit=limit, start=True)
    if not ids:
        return ClaimedDeliveries()
    try:
        rows = session.connection().execute(_SCORE_ROWS, {"ids": ids}).all()
    except (ValueError, TypeError):  # a damaged moment: the long way finds out whose
        claims.undo_start(session, DeliveryRow, ids, token=token, now=now)
        return ClaimedDeliveries(len(ids), rest=claims.load_claimed(session, DeliveryRow, ids, token=token))
    late = out_of_order_ids(session, cast("list[DeliveryRow]", rows), token)
    ready = [row for row in rows if row.id not in late]
    plain = [row for row in ready if _is_simple(row, connection)]
    before = _load_history(session, plain)
    started = [one for row in plain if (one := _build_started(row, before.get(row.contact_id, ()))) is not None]
    begun = {one.row.id for one in started}
    left = [row.id for row in rows if row.id not in begun]
    rest: list[DeliveryRow] = []
    if left:
        claims.undo_start(session, DeliveryRow, left, token=token, now=now)
        waits = {"state": "pending", "due_at": now + ORDER_RETRY_DELAY}
        claims.settle_many(session, DeliveryRow, dict.fromkeys(late, waits), token=token)
        rest = claims.load_claimed(session, DeliveryRow, [i for i in left if i not in late], token=token)
    return ClaimedDeliveries(len(ids), started, rest)


def _is_simple(row: Any, connection: str) -> bool:  # noqa: ANN401  # of _ROWS
    """Whether it can be written as it stands."""
    return bool(
        row.known_at == connection and row.present and row.record != "{}" and row.confirmed and not row.in_doubt
    )


def _load_history(session: Session, rows: Sequence[Any]) -> dict[int, Iterable[Any]]:
    """The confirmed answers of these people, newest first, without the ones that are to be written."""
    if not rows:
        return {}
    told = {"people": [row.contact_id for row in rows], "answers": [row.response_id for row in rows]}
    found: dict[int, list[Any]] = {}
    for answer in session.connection().execute(_EARLIER_RESPONSES, told):
        found.setdefault(answer.contact_id, []).append(answer)
    return {contact_id: answers[:MAX_HISTORY] for contact_id, answers in found.items()}


def _build_started(row: Any, before: Iterable[Any]) -> StartedDelivery | None:  # noqa: ANN401  # of _ROWS, of _BEFORE
    """The row with what its hook receives; none if it goes the long way."""
    try:
        options = _parse_json(row.options)
        if options.get("comment") == "link":
            return None
        contact = Contact.model_validate_json(row.record)
        response = build_response(row, _parse_json(row.follow_up_text))
        history = tuple(build_earlier_response(one) for one in before)
        item = build_score_update(row.key, options, contact, response, history)
    except (ValueError, TypeError):
        return None
    return StartedDelivery(cast("DeliveryRow", row), item)  # read only, and with the columns that a score needs


@lru_cache(maxsize=64)
def _parse_json(text: str) -> Any:  # noqa: ANN401  # to be read only: most rows have the same few words here
    return json.loads(text)
