"""Daily counters of things that are not stored, such as rejected webhooks."""

from __future__ import annotations

from datetime import date

from sqlmodel import Field, Session, col

from nps_connect.ledger.columns import Base, insert_for

REFUSED_WEBHOOKS_PREFIX = "webhook_"
"""Prefix of the counters of refused webhooks and skipped entries, one for each reason."""

CORRECTED_COUNTER = "future_moments"
"""Counter of stored moments that a wrong clock had left in the future."""

MISSED_WEBHOOKS_COUNTER = "missed_by_webhooks"
"""Counter of events that no webhook reported."""


class CounterRow(Base, table=True):
    """The count of one thing on one connection on one day (UTC)."""

    __tablename__ = "counters"

    day: date = Field(primary_key=True)
    name: str = Field(primary_key=True, max_length=60)
    connection: str = Field(primary_key=True, max_length=40)
    count: int = 0


def increment_counter(session: Session, name: str, connection: str, day: date, by: int = 1) -> None:
    """Add to a counter, which starts at 0."""
    statement = insert_for(session, CounterRow).values(day=day, name=name, connection=connection, count=by)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["day", "name", "connection"], set_={"count": col(CounterRow.count) + by}
        )
    )
