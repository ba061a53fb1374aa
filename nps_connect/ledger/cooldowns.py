"""Survey cooldowns per contact and per mailbox: reserved by an invitation, confirmed when sent, released on cancel."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, time, timedelta, tzinfo
from typing import Any

from sqlalchemy import ColumnElement, Table, bindparam, func, literal_column, or_, select, update
from sqlmodel import Field, Session, col

from nps_connect.ledger.bulk_sql import RUNNING, without_index
from nps_connect.ledger.columns import Base, BigId, UtcDateTime, insert_for
from nps_connect.ledger.tables import IN_DOUBT, ContactRow, DeliveryRow, InvitationRow
from nps_connect.ledger.upserts import insert_many
from nps_connect.rules.timing import local_date, start_of_next_day, utc_at

BOUNCED = "bounced"
"""Reason of an invitation that was sent and reached nobody."""


class CooldownRow(Base, table=True):
    """One row per contact and one per mailbox: no further survey before `until`."""

    __tablename__ = "cooldowns"

    subject: str = Field(primary_key=True, max_length=80)
    until: datetime = Field(sa_type=UtcDateTime)
    invitation_id: int | None = Field(default=None, sa_type=BigId, index=True)


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
    """Reserve all subjects for an invitation; returns False if another cooldown runs for any of them.

    One atomic statement per subject, in the given (sorted) order. On False the caller releases what was reserved, or
    rolls back its savepoint.

    Args:
        session: the transaction.
        subjects: of the contact, sorted.
        invitation_id: holder of the reservation; its existing reservations are renewed.
        until: end of the cooldown (UTC).
        now: the current time (UTC).
        exempt: triggers that ignore the cooldown; their planned invitations block nobody.
        ignore_cooldown: the invitation is of such a trigger: it extends a running cooldown, and never shortens it.
    """
    for subject in subjects:
        is_free = or_(col(CooldownRow.until) <= now, col(CooldownRow.invitation_id) == invitation_id)
        if _acquire(session, subject, invitation_id, until, is_free):
            continue
        if not (ignore_cooldown or _is_only_planned(session, subject, exempt)):
            return False
        extend(session, subject, invitation_id=invitation_id, until=until)
    return True


def find_holders(session: Session, subjects: Collection[str], *, besides: int, now: datetime) -> list[int]:
    """Return the ids of the invitations whose cooldowns block another one, the last to end first.

    Args:
        session: the transaction.
        subjects: of the contact.
        besides: id of the invitation that is blocked.
        now: the current time (UTC).
    """
    query = select(col(CooldownRow.invitation_id)).where(
        col(CooldownRow.subject).in_(subjects),
        col(CooldownRow.until) > now,
        col(CooldownRow.invitation_id) != besides,
    )
    query = query.order_by(col(CooldownRow.until).desc(), col(CooldownRow.subject))
    return [holder for holder in session.execute(query).scalars() if holder is not None]


def extend(session: Session, subject: str, *, invitation_id: int, until: datetime) -> None:
    """Start the cooldown of a subject anew for an invitation that ignores cooldowns; never shorten it."""
    _acquire(session, subject, invitation_id, until, col(CooldownRow.until) < until)


def extend_all(session: Session, rows: Sequence[dict[str, Any]]) -> int:
    """Start the cooldowns of invitations that another tool sent; none is shortened.

    Args:
        session: the transaction.
        rows: columns of `CooldownRow`, each subject once, sorted by subject.

    Returns:
        How many subjects have a later end than before.
    """
    return len(insert_many(session, CooldownRow, rows, on_conflict=_unless_later, returning=("subject",)))


def _unless_later(statement: Any) -> Any:  # noqa: ANN401  # two dialects' Insert
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=["subject"],
        set_={"until": new.until, "invitation_id": new.invitation_id},
        where=col(CooldownRow.until) < new.until,
    )


def confirm(session: Session, invitation_id: int, *, until: datetime) -> None:
    """Set the final end of the reservations of an invitation that was sent."""
    session.execute(
        update(CooldownRow)
        .where(col(CooldownRow.invitation_id) == invitation_id)
        .values(until=until)
        .execution_options(synchronize_session=False)
    )


def release(session: Session, invitation_id: int, *, cooldown: timedelta, now: datetime) -> None:
    """Release the reservations of an invitation that will not be sent, or that reached nobody.

    What the contact's other invitations imply remains.

    Args:
        session: the transaction.
        invitation_id: holder of the reservations.
        cooldown: as configured.
        now: the current time (UTC).
    """
    session.flush()
    query = select(CooldownRow).where(col(CooldownRow.invitation_id) == invitation_id)
    query = query.order_by(col(CooldownRow.subject)).with_for_update().execution_options(populate_existing=True)
    for row in session.execute(query).scalars().all():
        until, holder_id = _implied_cooldown(session, row.subject, invitation_id, cooldown, now)
        if until is None or until <= now:
            session.delete(row)
        else:
            row.until, row.invitation_id = until, holder_id
    session.flush()


def _acquire(
    session: Session, subject: str, invitation_id: int, until: datetime, replaceable: ColumnElement[bool]
) -> bool:
    """Insert a cooldown, or replace an existing one that meets the condition."""
    values = {"until": until, "invitation_id": invitation_id}
    statement = insert_for(session, CooldownRow).values(subject=subject, **values)
    upsert = statement.on_conflict_do_update(
        index_elements=[col(CooldownRow.subject)],
        set_=values,
        where=replaceable,
    )
    return session.execute(upsert.returning(col(CooldownRow.subject))).scalar() is not None


def _is_only_planned(session: Session, subject: str, triggers: Collection[str]) -> bool:
    """Return whether the subject is reserved by an unsent invitation of one of these triggers."""
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
    session: Session, subject: str, excluded_id: int, cooldown: timedelta, now: datetime
) -> tuple[datetime | None, int | None]:
    """Return end and invitation id of the longest cooldown that other invitations imply."""
    kind, _, key = subject.partition(":")
    is_contact: ColumnElement[bool] = col(ContactRow.mailbox) == key
    if kind == "c":
        is_contact = or_(col(ContactRow.id) == int(key), col(ContactRow.merged_into) == int(key))
    contact_ids = session.execute(select(col(ContactRow.id)).where(is_contact)).scalars().all()
    is_theirs: ColumnElement[bool] = col(InvitationRow.contact_id).in_(contact_ids)
    if kind != "c":  # a sent mail counts for the mailbox that it went to, whatever address the contact has now
        unsent = col(InvitationRow.mailbox).is_(None)
        is_theirs = or_(col(InvitationRow.mailbox) == key, is_theirs & unsent)
    query = select(col(InvitationRow.id), col(InvitationRow.sent_at), col(InvitationRow.due_at)).where(
        is_theirs,
        col(InvitationRow.id) != excluded_id,
        or_(
            col(InvitationRow.state) == "planned",
            col(InvitationRow.state).in_(("sent", "imported")) & (col(InvitationRow.sent_at) > now - cooldown),
        ),
        col(InvitationRow.reason).is_distinct_from(BOUNCED),
    )
    implied = [
        ((sent_at or max(due_at, now)) + cooldown, invitation_id)
        for invitation_id, sent_at, due_at in session.execute(query).all()
    ]
    return max(implied, default=(None, None))


_DELIVERIES: Table = DeliveryRow.__table__
_INVITATIONS: Table = InvitationRow.__table__
_MIDNIGHT = bindparam("midnight", type_=UtcDateTime())
_SENT = select(func.count()).where(
    _INVITATIONS.c.state == "sent",
    _INVITATIONS.c.sent_at >= _MIDNIGHT,
    _INVITATIONS.c.sent_at < bindparam("next_midnight", type_=UtcDateTime()),
)
_SURVEYS = (
    select(func.count())
    .select_from(_DELIVERIES.join(_INVITATIONS, _INVITATIONS.c.id == _DELIVERIES.c.invitation_id))
    .where(_DELIVERIES.c.action == "send_survey")
)
_RUNNING = _SURVEYS.where(_DELIVERIES.c.state == RUNNING, _DELIVERIES.c.started_at.is_not(None))
_IN_DOUBT = _SURVEYS.where(
    literal_column(IN_DOUBT), without_index(_DELIVERIES.c.state) == "held", _DELIVERIES.c.first_started_at >= _MIDNIGHT
)
_ALL_SENT_QUERY = select(*(count.scalar_subquery() for count in (_SENT, _RUNNING, _IN_DOUBT)))
_OF_TRIGGER = _INVITATIONS.c.trigger == bindparam("trigger")
_SENT_BY_TRIGGER_QUERY = select(*(count.where(_OF_TRIGGER).scalar_subquery() for count in (_SENT, _RUNNING, _IN_DOUBT)))


def count_sent_today(session: Session, now: datetime, zone: tzinfo, trigger: str | None = None) -> int:
    """Count the surveys sent, being sent or in doubt today.

    Args:
        session: for reading.
        now: the present moment.
        zone: the company's.
        trigger: count only surveys of this trigger; None means no filter.
    """
    midnight = utc_at(local_date(now, zone), time(), zone)
    parameters = {"midnight": midnight, "next_midnight": start_of_next_day(now, zone)}
    if trigger is None:
        return sum(session.connection().execute(_ALL_SENT_QUERY, parameters).one())
    return sum(session.connection().execute(_SENT_BY_TRIGGER_QUERY, {**parameters, "trigger": trigger}).one())
