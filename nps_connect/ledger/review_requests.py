"""Who has been asked for a review: once per platform and person (and mailbox), with a cooldown over all platforms."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    SQLColumnExpression,
    Text,
    bindparam,
    cast,
    delete,
    exists,
    literal_column,
    select,
    update,
)
from sqlmodel import Session, col

from nps_connect.ledger.columns import UtcDateTime
from nps_connect.ledger.review_tables import ReviewRequestRow
from nps_connect.ledger.upserts import insert_many

ALL_PLATFORMS = "*"
"""In place of a platform: the cooldown over all of them."""


class ReviewReservation(NamedTuple):
    """A place that an answer has, or wants: its subject, platform (or `ALL_PLATFORMS`), and until when it blocks others."""

    subject: str
    platform: str
    response_id: int
    until: datetime | None


def build_reservations(
    subjects: Sequence[str], platform: str, *, response_id: int, until: datetime
) -> list[ReviewReservation]:
    """The places that one answer takes for a review invitation."""
    return [
        ReviewReservation(subject, name, response_id, until if name == ALL_PLATFORMS else None)
        for subject in subjects
        for name in (ALL_PLATFORMS, platform)
    ]


def reserve(session: Session, wanted: Sequence[ReviewReservation], *, now: datetime) -> bool:
    """Take all of these places, or none: the caller rolls its savepoint back on false.

    All at once, in one order for everybody; again for the same answer is harmless. No place may be wanted by
    two answers at once.
    """
    rows = [{**one._asdict(), "sent": False} for one in sorted(wanted, key=lambda one: one[:2])]
    return len(
        insert_many(session, ReviewRequestRow, rows, on_conflict=_unless_reserved, returning=("subject",), now=now)
    ) == len(rows)


def _unless_reserved(statement: Any) -> Any:  # noqa: ANN401  # two dialects' Insert
    """A place may be had again by the answer that has it, and a cooldown by anybody when it is over."""
    new = statement.excluded
    ended = col(ReviewRequestRow.until) <= bindparam("now", type_=UtcDateTime())
    over = (col(ReviewRequestRow.platform) == literal_column(f"'{ALL_PLATFORMS}'")) & ended
    return statement.on_conflict_do_update(
        index_elements=["subject", "platform"],
        set_={"response_id": new.response_id, "until": new.until},
        where=(col(ReviewRequestRow.response_id) == new.response_id) | over,
    )


def confirm(session: Session, response_id: int, platform: str, *, until: datetime) -> None:
    """The invitation went out: the cooldown runs from now, and the place is never given back."""
    mine = col(ReviewRequestRow.response_id) == response_id
    session.execute(
        update(ReviewRequestRow)
        .where(mine, col(ReviewRequestRow.platform) == platform)
        .values(sent=True)
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(ReviewRequestRow)
        .where(mine, col(ReviewRequestRow.platform) == ALL_PLATFORMS)
        .values(sent=True, until=until)
        .execution_options(synchronize_session=False)
    )


def release(session: Session, response_id: int, platform: str) -> None:
    """The invitation will not go out: the place is open to another answer."""
    session.execute(
        delete(ReviewRequestRow)
        .where(
            col(ReviewRequestRow.response_id) == response_id,
            col(ReviewRequestRow.platform).in_((platform, ALL_PLATFORMS)),
            col(ReviewRequestRow.sent).is_(False),
        )
        .execution_options(synchronize_session=False)
    )


def load_reservations(session: Session, subjects: Collection[str]) -> list[ReviewReservation]:
    """The places that answers of these subjects have."""
    rows = session.execute(
        select(
            col(ReviewRequestRow.subject),
            col(ReviewRequestRow.platform),
            col(ReviewRequestRow.response_id),
            col(ReviewRequestRow.until),
        ).where(col(ReviewRequestRow.subject).in_(subjects))
    )
    return [ReviewReservation(*row) for row in rows]


def has_review_request(contact_id: SQLColumnExpression[Any], hashed: SQLColumnExpression[Any]) -> ColumnElement[bool]:
    """Whether an answer has a place of this person or mailbox, as part of a query."""
    subjects = (literal_column("'c:'", Text()) + cast(contact_id, Text), literal_column("'m:'", Text()) + hashed)
    return exists().where(col(ReviewRequestRow.subject).in_(subjects))


def reserved_platforms(others: Iterable[ReviewReservation]) -> set[str]:
    """The platforms that other answers were, or are about to be, asked for."""
    return {one.platform for one in others if one.platform != ALL_PLATFORMS}


def blocked_until(others: Iterable[ReviewReservation], *, now: datetime) -> datetime | None:
    """The end of the cooldown that another answer began, or none."""
    ends = [one.until for one in others if one.platform == ALL_PLATFORMS and one.until is not None and one.until > now]
    return max(ends, default=None)
