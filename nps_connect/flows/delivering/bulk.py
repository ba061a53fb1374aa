"""In bulk: scores that are plain to write are claimed, read and started in one transaction.

Nothing has to be asked of a vendor between the claim and the start of such a row, so nothing is gained by two
transactions and two readings. Whatever is not plain (a person of another connection, a merged or erased one, a doubtful
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

from nps_connect.flows.contacts.people import HISTORY, as_earlier
from nps_connect.flows.delivering.ordering import out_of_order
from nps_connect.flows.delivering.scores import score_update
from nps_connect.flows.responding.answers import as_response
from nps_connect.ledger import claims
from nps_connect.ledger.many import beside, none_of, one_of
from nps_connect.ledger.tables import ContactRow, DeliveryRow, ResponseRow
from nps_connect.records.contacts import Contact
from nps_connect.records.deliveries import Payload
from nps_connect.records.responses import NPS_SCALE

ACTIONS = frozenset({"write_score"})
"""Actions whose vendors take many at once, and that need no look at the person."""

ONE_AT_A_TIME = timedelta(seconds=1)
"""When a delivery is looked at again that waits for another one to the same person."""


@dataclass(frozen=True)
class Started:
    """A delivery whose effect begins now."""

    row: DeliveryRow
    item: Payload


@dataclass
class Taken:
    """What a claim brought.

    Attributes:
        count: how many rows were claimed.
        started: those that begin now.
        rest: those that go the long way.
    """

    count: int = 0
    started: list[Started] = field(default_factory=list)
    rest: list[DeliveryRow] = field(default_factory=list)


_d: Table = DeliveryRow.__table__  # type: ignore[attr-defined]
_c: Table = ContactRow.__table__  # type: ignore[attr-defined]
_r: Table = ResponseRow.__table__  # type: ignore[attr-defined]

_ROWS = (
    select(
        *(_d.c[name] for name in ("id", "key", "lane", "action", "contact_id", "response_id", "invitation_id")),
        *(_d.c[name] for name in ("attempts", "doubtful", "started_at", "first_started_at")),
        sql_cast(_d.c.options, Text).label("options"),
        _c.c.connection.label("known_at"),
        (_c.c.merged_into.is_(None) & _c.c.erased_at.is_(None)).label("present"),
        sql_cast(_c.c.record, Text).label("record"),
        (_r.c.contested_at.is_(None) & (_r.c.revision > 0) & (_r.c.contact_id == _d.c.contact_id)).label("confirmed"),
        *(_r.c[name] for name in ("public_id", "survey", "touchpoint", "score", "comment", "language")),
        *(_r.c[name] for name in ("revision", "answered_at", "do_not_contact")),
        sql_cast(_r.c.follow_up, Text).label("follow_up_text"),
    )
    .join(_c, _c.c.id == _d.c.contact_id, isouter=True)
    .join(_r, _r.c.id == _d.c.response_id, isouter=True)
    .where(one_of(_d.c.id, "ids"))
    .order_by(_d.c.due_at, _d.c.id)
)
_BEFORE = (
    select(*(_r.c[name] for name in ("contact_id", "score", "answered_at", "survey", "touchpoint", "comment")))
    .where(
        one_of(_r.c.contact_id, "people"),
        none_of(_r.c.id, "answers"),
        _r.c.revision > 0,
        _r.c.contested_at.is_(None),
        _r.c.scale == NPS_SCALE,
        beside(_r.c.answered_at).is_not(None),
    )
    .order_by(_r.c.answered_at.desc())
)


def take(session: Session, connection: str, lane: str, *, token: str, now: datetime, limit: int) -> Taken:
    """Claim up to `limit` due rows of a lane and start the plain ones."""
    ids = claims.claim_ids(session, DeliveryRow, lane, token=token, now=now, limit=limit, start=True)
    if not ids:
        return Taken()
    try:
        rows = session.connection().execute(_ROWS, {"ids": ids}).all()
    except (ValueError, TypeError):  # a damaged moment: the long way finds out whose
        claims.not_started(session, DeliveryRow, ids, token=token, now=now)
        return Taken(len(ids), rest=claims.read_claimed(session, DeliveryRow, ids, token=token))
    late = out_of_order(session, cast("list[DeliveryRow]", rows), token)
    ready = [row for row in rows if row.id not in late]
    plain = [row for row in ready if _is_plain(row, connection)]
    before = _before(session, plain)
    started = [one for row in plain if (one := _started(row, before.get(row.contact_id, ()))) is not None]
    begun = {one.row.id for one in started}
    left = [row.id for row in rows if row.id not in begun]
    rest: list[DeliveryRow] = []
    if left:
        claims.not_started(session, DeliveryRow, left, token=token, now=now)
        waits = {"state": "pending", "due_at": now + ONE_AT_A_TIME}
        claims.write_each(session, DeliveryRow, dict.fromkeys(late, waits), token=token)
        rest = claims.read_claimed(session, DeliveryRow, [i for i in left if i not in late], token=token)
    return Taken(len(ids), started, rest)


def _is_plain(row: Any, connection: str) -> bool:  # noqa: ANN401  # of _ROWS
    """Whether it can be written as it stands."""
    return bool(
        row.known_at == connection and row.present and row.record != "{}" and row.confirmed and not row.doubtful
    )


def _before(session: Session, rows: Sequence[Any]) -> dict[int, Iterable[Any]]:
    """The confirmed answers of these people, newest first, without the ones that are to be written."""
    if not rows:
        return {}
    told = {"people": [row.contact_id for row in rows], "answers": [row.response_id for row in rows]}
    found: dict[int, list[Any]] = {}
    for answer in session.connection().execute(_BEFORE, told):
        found.setdefault(answer.contact_id, []).append(answer)
    return {contact_id: answers[:HISTORY] for contact_id, answers in found.items()}


def _started(row: Any, before: Iterable[Any]) -> Started | None:  # noqa: ANN401  # of _ROWS, of _BEFORE
    """The row with what its hook receives; none if it goes the long way."""
    try:
        options = _parsed(row.options)
        if options.get("comment") == "link":
            return None
        contact = Contact.model_validate_json(row.record)
        response = as_response(row, _parsed(row.follow_up_text))
        history = tuple(as_earlier(one) for one in before)
        item = score_update(row.key, options, contact, response, history)
    except (ValueError, TypeError):
        return None
    return Started(cast("DeliveryRow", row), item)  # read only, and with the columns that a score needs


@lru_cache(maxsize=64)
def _parsed(text: str) -> Any:  # noqa: ANN401  # to be read only: most rows have the same few words here
    return json.loads(text)
