"""Who has been asked for a review: once per platform and person (and mailbox), with a cooldown over all platforms."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, delete, select, update
from sqlmodel import Session, col

from nps_connect.ledger.keeping import ReviewAskRow
from nps_connect.ledger.upserts import insert_for

COOLDOWN = "*"
"""In place of a platform: the cooldown over all of them."""


def reserve(
    session: Session, subjects: Sequence[str], platform: str, *, response_id: int, until: datetime, now: datetime
) -> bool:
    """Take the place of one answer at all subjects, or at none: the caller rolls its savepoint back on false.

    One atomic statement each, in one order for everybody; again for the same answer is harmless.
    """
    mine = col(ReviewAskRow.response_id) == response_id
    for subject in sorted(subjects):
        for name, free in ((COOLDOWN, mine | (col(ReviewAskRow.until) <= now)), (platform, mine)):
            ends = until if name == COOLDOWN else None
            statement = insert_for(session, ReviewAskRow).values(
                subject=subject, platform=name, response_id=response_id, until=ends, sent=False
            )
            taken = session.execute(
                statement.on_conflict_do_update(
                    index_elements=["subject", "platform"],
                    set_={"response_id": response_id, "until": ends},
                    where=free,
                ).returning(col(ReviewAskRow.subject))
            ).scalar()
            if taken is None:
                return False
    return True


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


def asked(session: Session, subjects: Sequence[str], *, response_id: int) -> set[str]:
    """The platforms that another answer of these subjects was, or is about to be, asked for."""
    return set(
        session.execute(
            select(col(ReviewAskRow.platform)).where(
                _others(subjects, response_id), col(ReviewAskRow.platform) != COOLDOWN
            )
        ).scalars()
    )


def blocked_until(session: Session, subjects: Sequence[str], *, response_id: int, now: datetime) -> datetime | None:
    """The end of the cooldown that another answer began, or none."""
    ends = session.execute(
        select(col(ReviewAskRow.until)).where(
            _others(subjects, response_id), col(ReviewAskRow.platform) == COOLDOWN, col(ReviewAskRow.until) > now
        )
    ).scalars()
    return max((end for end in ends if end is not None), default=None)


def _others(subjects: Sequence[str], response_id: int) -> ColumnElement[bool]:
    return col(ReviewAskRow.subject).in_(subjects) & (col(ReviewAskRow.response_id) != response_id)
