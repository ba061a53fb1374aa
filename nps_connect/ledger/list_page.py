"""Pages of a list, newest first, each beginning where the one before it ended, whatever was added since."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Select, bindparam, tuple_
from sqlmodel import Session

from nps_connect.rules.page_cursor import PageKey

__all__ = ["ListPage", "PageKey", "load_page"]


class ListPage(NamedTuple):
    """Some rows of a list.

    Attributes:
        rows: tuples of what the query selects.
        next_key: where the page ends if rows follow; None on the last page.
    """

    rows: list[tuple[Any, ...]]
    next_key: PageKey | None


def load_page(
    session: Session,
    query: Select[Any],
    columns: Sequence[Any],
    *,
    limit: int,
    after: PageKey | None = None,
) -> ListPage:
    """Return one page of what a query selects.

    Args:
        session: for reading.
        query: without an order.
        columns: not null, by which the rows are ordered, greatest first; the last one is unique.
        limit: maximum number of rows.
        after: the `next_key` of the page before; None for the first page.
    """
    if after is not None:
        bounds = [bindparam(None, value, type_=column.type) for column, value in zip(columns, after, strict=True)]
        query = query.where(tuple_(*columns) < tuple_(*bounds) if len(bounds) > 1 else columns[0] < bounds[0])
    query = query.add_columns(*columns).order_by(*(column.desc() for column in columns)).limit(limit + 1)
    rows = [tuple(row) for row in session.execute(query).all()]
    next_key = rows[limit - 1][-len(columns) :] if len(rows) > limit else None
    return ListPage([row[: -len(columns)] for row in rows[:limit]], next_key)
