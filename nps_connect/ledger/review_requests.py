"""Reservations of review requests: once per platform and subject (contact or mailbox), with a cooldown over all."""

from __future__ import annotations

from collections.abc import Collection, Sequence
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
from sqlmodel import Field, Session, col

from nps_connect.ledger.bulk_sql import in_list
from nps_connect.ledger.columns import Base, BigId, UtcDateTime
from nps_connect.ledger.upserts import insert_many

ALL_PLATFORMS = "*"
"""In place of a platform: the cooldown over all platforms."""


class ReviewRequestRow(Base, table=True):
    """A contact (``c:<id>``) or mailbox (``m:<hash>``) is invited to review on a platform at most once.

    The row of the platform ``*`` is the cooldown over all platforms.

    Attributes:
        response_id: the response that led to it; another response finds the subject reserved. None if another tool sent
            the invitation.
        until: for ``*``: when the cooldown ends.
        sent: the invitation was sent; until then the reservation is released when it is cancelled.
    """

    __tablename__ = "review_requests"

    subject: str = Field(primary_key=True, max_length=80)
    platform: str = Field(primary_key=True, max_length=40)
    response_id: int | None = Field(default=None, foreign_key="responses.id", sa_type=BigId, index=True)
    until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    sent: bool = False


def was_sent_for(session: Session, platform: str) -> bool:
    """Return whether anybody was invited to review on a platform."""
    query = select(col(ReviewRequestRow.subject)).where(
        col(ReviewRequestRow.platform) == platform, col(ReviewRequestRow.sent)
    )
    return session.execute(query.limit(1)).first() is not None


class ReviewReservation(NamedTuple):
    """The right of one response to ask a subject for a review on a platform, or on `ALL_PLATFORMS` within the cooldown.

    Attributes:
        response_id: of the response; None if another tool sent the invitation.
        until: end of the cooldown (UTC); None for a platform, which is asked for once for all time.
    """

    subject: str
    platform: str
    response_id: int | None
    until: datetime | None


def build_reservations(
    subjects: Sequence[str], platform: str, *, response_id: int | None, until: datetime
) -> list[ReviewReservation]:
    """Return the reservations that one response, or an invitation by another tool, needs."""
    return [
        ReviewReservation(subject, name, response_id, until if name == ALL_PLATFORMS else None)
        for subject in subjects
        for name in (ALL_PLATFORMS, platform)
    ]


def reserve(session: Session, reservations: Sequence[ReviewReservation], *, now: datetime) -> bool:
    """Make all of these reservations; on False some are missing and the caller rolls back its savepoint.

    Idempotent for one response. Sorted, so that concurrent transactions lock rows in the same order.
    """
    ordered = sorted(reservations, key=lambda reservation: reservation[:2])
    rows = [{**reservation._asdict(), "sent": False} for reservation in ordered]
    stored = insert_many(session, ReviewRequestRow, rows, on_conflict=_unless_reserved, returning=("subject",), now=now)
    return len(stored) == len(rows)


def _unless_reserved(statement: Any) -> Any:  # noqa: ANN401  # two dialects' Insert
    """A response may renew its own reservations; a cooldown that is over may be taken by any response."""
    new = statement.excluded
    ended = col(ReviewRequestRow.until) <= bindparam("now", type_=UtcDateTime())
    over = (col(ReviewRequestRow.platform) == literal_column(f"'{ALL_PLATFORMS}'")) & ended
    return statement.on_conflict_do_update(
        index_elements=["subject", "platform"],
        set_={"response_id": new.response_id, "until": new.until},
        where=(col(ReviewRequestRow.response_id) == new.response_id) | over,
    )


def record_sent(session: Session, reservations: Sequence[ReviewReservation]) -> int:
    """Record invitations that another tool sent; return how many rows are new or end a cooldown later. Idempotent."""
    newest: dict[tuple[str, str], ReviewReservation] = {}
    for reservation in reservations:
        previous = newest.setdefault(reservation[:2], reservation)
        if reservation.until is not None and previous.until is not None and reservation.until > previous.until:
            newest[reservation[:2]] = reservation
    rows = [{**newest[key]._asdict(), "sent": True} for key in sorted(newest)]
    return len(insert_many(session, ReviewRequestRow, rows, on_conflict=_unless_later, returning=("subject",)))


def _unless_later(statement: Any) -> Any:  # noqa: ANN401  # two dialects' Insert
    """Extend the cooldown over all platforms, whoever started it; keep everything else."""
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=["subject", "platform"],
        set_={"until": new.until},
        where=(new.until.is_not(None)) & (col(ReviewRequestRow.until) < new.until),
    )


def confirm(session: Session, response_id: int, platform: str, *, until: datetime) -> None:
    """Make the reservations of a response permanent after its invitation was sent; the cooldown ends at `until`."""
    reserved = col(ReviewRequestRow.response_id) == response_id
    session.execute(
        update(ReviewRequestRow)
        .where(reserved, col(ReviewRequestRow.platform) == platform)
        .values(sent=True)
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(ReviewRequestRow)
        .where(reserved, col(ReviewRequestRow.platform) == ALL_PLATFORMS)
        .values(sent=True, until=until)
        .execution_options(synchronize_session=False)
    )


def release(session: Session, response_id: int, platform: str) -> None:
    """Release the reservations of an invitation that is not sent."""
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
    """Return all reservations of these subjects."""
    rows = session.execute(
        select(
            col(ReviewRequestRow.subject),
            col(ReviewRequestRow.platform),
            col(ReviewRequestRow.response_id),
            col(ReviewRequestRow.until),
        ).where(col(ReviewRequestRow.subject).in_(subjects))
    )
    return [ReviewReservation(*row) for row in rows]


def load_sent_platforms(session: Session, response_ids: Sequence[int]) -> dict[int, list[str]]:
    """Return the platforms, sorted, of the review invitations that responses have led to and that were sent."""
    query = select(col(ReviewRequestRow.response_id), col(ReviewRequestRow.platform)).distinct()
    is_sent = col(ReviewRequestRow.sent).is_(True) & (col(ReviewRequestRow.platform) != ALL_PLATFORMS)
    rows = session.execute(
        query.where(in_list(col(ReviewRequestRow.response_id), "ids"), is_sent), {"ids": list(response_ids)}
    ).all()
    platforms: dict[int, list[str]] = {}
    for response_id, platform in sorted(tuple(row) for row in rows):
        platforms.setdefault(response_id, []).append(platform)
    return platforms


def has_review_request(contact_id: SQLColumnExpression[Any], mailbox: SQLColumnExpression[Any]) -> ColumnElement[bool]:
    """Return the SQL condition that a contact or its mailbox has a reservation."""
    subjects = (literal_column("'c:'", Text()) + cast(contact_id, Text), literal_column("'m:'", Text()) + mailbox)
    return exists().where(col(ReviewRequestRow.subject).in_(subjects))
