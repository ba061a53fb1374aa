"""Before deciding: claim a batch of events and read them."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Select, Text, cast, func, select
from sqlmodel import Session, col

from nps_connect.ledger import claims
from nps_connect.ledger.bulk_sql import in_list
from nps_connect.ledger.tables import EventRow
from nps_connect.records.events import Event
from nps_connect.services.context import Context, decide_queue

log = logging.getLogger(__name__)


class ClaimedEvent(NamedTuple):
    """A claimed event, as it is stored; one that was replayed came in when it was replayed."""

    id: int
    connection: str
    key: str
    received_at: datetime
    attempts: int
    event: Event

    @property
    def ref(self) -> str:
        """Connection and key, which identify the fact in every database."""
        return f"{self.connection}:{self.key}"


def claim_events(ctx: Context, connection: str, token: str, limit: int) -> list[ClaimedEvent]:
    """Claim events of one connection, oldest due first; one that cannot be read (a damaged record) goes dead alone."""
    with ctx.ledger.write() as session:
        ids = claims.claim_ids(session, EventRow, decide_queue(connection), token=token, now=ctx.clock(), limit=limit)
        return _load_claimed(session, ids, token) if ids else []


_SELECT_CLAIMED: Select[*tuple[Any, ...]] = (
    select(
        col(EventRow.id),
        col(EventRow.connection),
        col(EventRow.key),
        func.coalesce(col(EventRow.replayed_at), col(EventRow.received_at)),
        col(EventRow.attempts),
        cast(col(EventRow.record), Text),
    )
    .where(in_list(col(EventRow.id), "ids"))
    .order_by(col(EventRow.due_at), col(EventRow.id))
)


def _load_claimed(session: Session, ids: list[int], token: str) -> list[ClaimedEvent]:
    taken = []
    for event_id, connection, key, received_at, attempts, record in session.execute(_SELECT_CLAIMED, {"ids": ids}):
        try:
            event = Event.model_validate_json(record)
            taken.append(ClaimedEvent(event_id, connection, key, received_at, attempts, event))
        except ValueError as error:
            log.error("damaged event id=%s: %s", event_id, type(error).__name__)
            told = {"state": "dead", "last_error": "the row cannot be read: its record is damaged"}
            claims.settle(session, EventRow, event_id, token=token, values=told)
    return taken
