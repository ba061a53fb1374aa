"""The cooldown, per person *and* mailbox: reserved at decision and at send, confirmed when sent, released on cancel."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, or_, select, update
from sqlmodel import Session, col

from nps_connect.ledger.tables import ContactRow, CooldownRow, InvitationRow
from nps_connect.ledger.upserts import insert_for

BOUNCED = "bounced"
"""The reason of an invitation that was sent and reached nobody."""


def reserve(
    session: Session,
    subjects: Sequence[str],
    *,
    invitation_id: int,
    until: datetime,
    now: datetime,
    exempt: Collection[str] = (),
    ignore_cooldown: bool = False,
) -> bool:
    """Reserve all subjects for a survey; false if the cooldown of another one runs on any of them.

    One atomic statement per subject, in the given (sorted) order. After a refusal the caller frees what it has taken,
    or rolls its savepoint back.

    Args:
        session: the transaction.
        subjects: of the person, sorted.
        invitation_id: whose reservation it is; what it holds already is reserved anew.
        until: end of the cooldown.
        now: the present moment.
        exempt: triggers that may ignore the cooldown; what they have only planned stands in nobody's way.
        ignoring: the survey is of such a trigger: it prolongs what runs, and never shortens it.
    """
    for subject in subjects:
        free = or_(col(CooldownRow.until) <= now, col(CooldownRow.invitation_id) == invitation_id)
        if _acquire(session, subject, invitation_id, until, free):
            continue
        if not (ignore_cooldown or _is_only_planned(session, subject, exempt)):
            return False
        _acquire(session, subject, invitation_id, until, col(CooldownRow.until) < until)
    return True


def confirm(session: Session, invitation_id: int, *, until: datetime) -> None:
    """The survey was sent: the cooldown runs from now."""
    session.execute(
        update(CooldownRow)
        .where(col(CooldownRow.invitation_id) == invitation_id)
        .values(confirmed=True, until=until)
        .execution_options(synchronize_session=False)
    )


def release(session: Session, invitation_id: int, *, cooldown: timedelta, now: datetime) -> None:
    """The survey will not be sent, or reached nobody: only what the other surveys imply counts any more.

    Args:
        session: the transaction.
        invitation_id: whose reservation ends.
        cooldown: as configured.
        now: the present moment.
    """
    session.flush()
    mine = select(CooldownRow).where(col(CooldownRow.invitation_id) == invitation_id)
    mine = mine.order_by(col(CooldownRow.subject)).with_for_update().execution_options(populate_existing=True)
    for row in session.execute(mine).scalars().all():
        until, other, confirmed = _implied_cooldown(session, row.subject, invitation_id, cooldown, now)
        if until is None or until <= now:
            session.delete(row)
        else:
            row.until, row.invitation_id, row.confirmed = until, other, confirmed
    session.flush()


def _acquire(session: Session, subject: str, invitation_id: int, until: datetime, over: ColumnElement[bool]) -> bool:
    """Begin a cooldown where none is known, or over a known one of this kind."""
    values = {"until": until, "invitation_id": invitation_id, "confirmed": False}
    statement = insert_for(session, CooldownRow).values(subject=subject, **values)
    written = statement.on_conflict_do_update(
        index_elements=[col(CooldownRow.subject)],
        set_=values,
        where=over,
    )
    return session.execute(written.returning(col(CooldownRow.subject))).scalar() is not None


def _is_only_planned(session: Session, subject: str, triggers: Collection[str]) -> bool:
    """Whether the cooldown of a subject is the reservation of a survey of these triggers that has not been sent."""
    query = (
        select(col(InvitationRow.id))
        .join(CooldownRow, col(CooldownRow.invitation_id) == col(InvitationRow.id))
        .where(
            col(CooldownRow.subject) == subject,
            col(InvitationRow.state) == "planned",
            col(InvitationRow.trigger).in_(triggers),
        )
    )
    return session.execute(query).scalar() is not None


def _implied_cooldown(
    session: Session, subject: str, besides: int, cooldown: timedelta, now: datetime
) -> tuple[datetime | None, int | None, bool]:
    """Until when the planned and the sent surveys cool a subject down, which of them does, and whether it was sent."""
    kind, _, name = subject.partition(":")
    known: ColumnElement[bool] = col(ContactRow.mailbox) == name
    if kind == "c":
        known = or_(col(ContactRow.id) == int(name), col(ContactRow.merged_into) == int(name))
    ids = session.execute(select(col(ContactRow.id)).where(known)).scalars().all()
    about: ColumnElement[bool] = col(InvitationRow.contact_id).in_(ids)
    if kind != "c":  # a sent mail cools the mailbox down that it went to, wherever the person has moved since
        unsent = col(InvitationRow.mailbox).is_(None)
        about = or_(col(InvitationRow.mailbox) == name, about & unsent)
    query = select(col(InvitationRow.id), col(InvitationRow.sent_at), col(InvitationRow.due_at)).where(
        about,
        col(InvitationRow.id) != besides,
        or_(
            col(InvitationRow.state) == "planned",
            col(InvitationRow.state).in_(("sent", "imported")) & (col(InvitationRow.sent_at) > now - cooldown),
        ),
        col(InvitationRow.reason).is_distinct_from(BOUNCED),
    )
    found = [
        ((sent_at or max(due_at, now)) + cooldown, one, sent_at is not None)
        for one, sent_at, due_at in session.execute(query).all()
    ]
    return max(found, default=(None, None, False))
