"""The cooldown: reserved at decision, confirmed at send, released on cancel; per person *and* per mailbox."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, update
from sqlmodel import Session, col

from nps_connect.ledger.tables import CooldownRow
from nps_connect.ledger.upserts import insert_for


def reserve(session: Session, subjects: Sequence[str], *, invitation_id: int, until: datetime, now: datetime) -> bool:
    """Reserve all subjects or none of them. One atomic statement per subject, in the given (sorted) order.

    Returns false if any subject is within a cooldown; the caller rolls its savepoint back.
    """
    for subject in subjects:
        statement = insert_for(session, CooldownRow).values(
            subject=subject, until=until, previous_until=None, invitation_id=invitation_id, confirmed=False
        )
        taken = session.execute(
            statement.on_conflict_do_update(
                index_elements=[col(CooldownRow.subject)],
                set_={
                    "until": until,
                    "previous_until": col(CooldownRow.until),
                    "invitation_id": invitation_id,
                    "confirmed": False,
                },
                where=col(CooldownRow.until) <= now,
            ).returning(col(CooldownRow.subject))
        ).scalar()
        if taken is None:
            return False
    return True


def confirm(session: Session, invitation_id: int, *, until: datetime) -> None:
    """The survey was sent: the cooldown runs from now."""
    session.execute(
        update(CooldownRow)
        .where(col(CooldownRow.invitation_id) == invitation_id)
        .values(confirmed=True, until=until)
        .execution_options(synchronize_session=False)
    )


def free(session: Session, invitation_id: int) -> None:
    """The survey will not be sent: what was before counts again."""
    mine = col(CooldownRow.invitation_id) == invitation_id
    session.execute(
        delete(CooldownRow)
        .where(mine, col(CooldownRow.previous_until).is_(None))
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(CooldownRow)
        .where(mine)
        .values(until=col(CooldownRow.previous_until), previous_until=None, invitation_id=None, confirmed=True)
        .execution_options(synchronize_session=False)
    )
