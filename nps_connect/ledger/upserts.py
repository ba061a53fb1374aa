"""Inserts that do nothing, or something known, when the row is there already; for both databases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, SQLModel, col

from nps_connect.ledger.keeping import CounterRow


def insert_for(session: Session, table: type[SQLModel]) -> Any:  # noqa: ANN401  # two dialects' Insert, no common base
    """The dialect's INSERT with ON CONFLICT."""
    return (sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert)(table)


def insert_new(session: Session, table: Any, rows: Sequence[Mapping[str, Any]], unique: Sequence[str]) -> list[int]:  # noqa: ANN401
    """Insert rows that are not there yet by their unique columns; returns the ids of the new ones."""
    if not rows:
        return []
    statement = insert_for(session, table).values(list(rows)).on_conflict_do_nothing(index_elements=list(unique))
    return list(session.execute(statement.returning(table.id)).scalars())


def count(session: Session, name: str, connection: str, day: date, by: int = 1) -> None:
    """Count something that is not kept."""
    statement = insert_for(session, CounterRow).values(day=day, name=name, connection=connection, count=by)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["day", "name", "connection"], set_={"count": col(CounterRow.count) + by}
        )
    )
