"""Before deciding: claim a batch of events and read them."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Select, Text, cast, func, select
from sqlmodel import Session, col

from nps_connect.flows.context import Context, decide_lane
from nps_connect.ledger import claims
from nps_connect.ledger.many import one_of
from nps_connect.ledger.tables import EventRow
from nps_connect.records.events import Event

log = logging.getLogger(__name__)


class Taken(NamedTuple):
    """A claimed event, as it is stored; one that was replayed came in when it was replayed."""

    id: int
    connection: str
    key: str
    received_at: datetime
    attempts: int
    event: Event


def take(ctx: Context, connection: str, token: str, limit: int) -> list[Taken]:
    """Claim events of one connection, oldest due first; one that cannot be read (a damaged record) goes dead alone."""
    with ctx.ledger.write() as session:
        ids = claims.claim_ids(session, EventRow, decide_lane(connection), token=token, now=ctx.clock(), limit=limit)
        return _read(session, ids, token) if ids else []


_READ: Select[*tuple[Any, ...]] = (
    select(
        col(EventRow.id),
        col(EventRow.connection),
        col(EventRow.key),
        func.coalesce(col(EventRow.replayed_at), col(EventRow.received_at)),
        col(EventRow.attempts),
        cast(col(EventRow.record), Text),
    )
    .where(one_of(col(EventRow.id), "ids"))
    .order_by(col(EventRow.due_at), col(EventRow.id))
)


def _read(session: Session, ids: list[int], token: str) -> list[Taken]:
    taken = []
    for event_id, connection, key, received_at, attempts, record in session.execute(_READ, {"ids": ids}):
        try:
            event = Event.model_validate_json(record)
            taken.append(Taken(event_id, connection, key, received_at, attempts, event))
        except ValueError as error:
            log.error("damaged event id=%s: %s", event_id, type(error).__name__)
            told = {"state": "dead", "last_error": "the row cannot be read: its record is damaged"}
            claims.settle(session, EventRow, event_id, token=token, values=told)
    return taken
