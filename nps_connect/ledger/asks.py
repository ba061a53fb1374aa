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
from nps_connect.ledger.keeping import ReviewAskRow
from nps_connect.ledger.upserts import insert_many

COOLDOWN = "*"
"""In place of a platform: the cooldown over all of them."""


class Ask(NamedTuple):
    """A place that an answer has, or wants: its subject, platform (or `COOLDOWN`), and until when it blocks others."""

    subject: str
    platform: str
    response_id: int
    until: datetime | None


def places(subjects: Sequence[str], platform: str, *, response_id: int, until: datetime) -> list[Ask]:
    """The places that one answer takes for a review invitation."""
    return [
        Ask(subject, name, response_id, until if name == COOLDOWN else None)
        for subject in subjects
        for name in (COOLDOWN, platform)
    ]


def reserve(session: Session, wanted: Sequence[Ask], *, now: datetime) -> bool:
    """Take all of these places, or none: the caller rolls its savepoint back on false.

    All at once, in one order for everybody; again for the same answer is harmless. No place may be wanted by
    two answers at once.
    """
    rows = [{**one._asdict(), "sent": False} for one in sorted(wanted, key=lambda one: one[:2])]
    return len(insert_many(session, ReviewAskRow, rows, clash=_unless_taken, returning=("subject",), now=now)) == len(
        rows
    )


def _unless_taken(statement: Any) -> Any:  # noqa: ANN401  # two dialects' Insert
    """A place may be had again by the answer that has it, and a cooldown by anybody when it is over."""
    new = statement.excluded
    ended = col(ReviewAskRow.until) <= bindparam("now", type_=UtcDateTime())
    over = (col(ReviewAskRow.platform) == literal_column(f"'{COOLDOWN}'")) & ended
    return statement.on_conflict_do_update(
        index_elements=["subject", "platform"],
        set_={"response_id": new.response_id, "until": new.until},
        where=(col(ReviewAskRow.response_id) == new.response_id) | over,
    )


def confirm(session: Session, response_id: int, platform: str, *, until: datetime) -> None:
    """The invitation went out: the cooldown runs from now, and the place is never given back."""
    mine = col(ReviewAskRow.response_id) == response_id
    session.execute(
        update(ReviewAskRow)
        .where(mine, col(ReviewAskRow.platform) == platform)
        .values(sent=True)
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(ReviewAskRow)
        .where(mine, col(ReviewAskRow.platform) == COOLDOWN)
        .values(sent=True, until=until)
        .execution_options(synchronize_session=False)
    )


def free(session: Session, response_id: int, platform: str) -> None:
    """The invitation will not go out: the place is open to another answer."""
    session.execute(
        delete(ReviewAskRow)
        .where(
            col(ReviewAskRow.response_id) == response_id,
            col(ReviewAskRow.platform).in_((platform, COOLDOWN)),
            col(ReviewAskRow.sent).is_(False),
        )
        .execution_options(synchronize_session=False)
    )


def known(session: Session, subjects: Collection[str]) -> list[Ask]:
    """The places that answers of these subjects have."""
    rows = session.execute(
        select(
            col(ReviewAskRow.subject),
            col(ReviewAskRow.platform),
            col(ReviewAskRow.response_id),
            col(ReviewAskRow.until),
        ).where(col(ReviewAskRow.subject).in_(subjects))
    )
    return [Ask(*row) for row in rows]


def asked_for_review(contact_id: SQLColumnExpression[Any], hashed: SQLColumnExpression[Any]) -> ColumnElement[bool]:
    """Whether an answer has a place of this person or mailbox, as part of a query."""
    subjects = (literal_column("'c:'", Text()) + cast(contact_id, Text), literal_column("'m:'", Text()) + hashed)
    return exists().where(col(ReviewAskRow.subject).in_(subjects))


def asked(others: Iterable[Ask]) -> set[str]:
    """The platforms that other answers were, or are about to be, asked for."""
    return {one.platform for one in others if one.platform != COOLDOWN}


def blocked_until(others: Iterable[Ask], *, now: datetime) -> datetime | None:
    """The end of the cooldown that another answer began, or none."""
    ends = [one.until for one in others if one.platform == COOLDOWN and one.until is not None and one.until > now]
    return max(ends, default=None)
