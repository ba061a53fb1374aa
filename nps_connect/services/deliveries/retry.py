"""Retry: what is dead or held goes on by the operator's word, and nothing that happened happens again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger import cooldowns
from nps_connect.ledger.tables import ContactRow, DeliveryRow, InvitationRow
from nps_connect.services.contacts.store import load_contact_subjects

RETRYABLE_STATES = ("dead", "held")
CONFIRM_RESEND_ACTIONS = ("send_survey", "invite_review")
DEPENDENT_ACTIONS = ("update_ticket",)


@dataclass(frozen=True)
class OperatorResult:
    """A delivery and whether it goes on.

    Attributes:
        row: as it is now.
        refused: why it stays as it is, or none.
    """

    row: DeliveryRow
    refused: str | None = None


def load_deliveries_by_id(session: Session, ids: list[int]) -> list[DeliveryRow]:
    """The deliveries with these ids, oldest first; unknown ids are left out."""
    query = select(DeliveryRow).where(col(DeliveryRow.id).in_(ids)).order_by(col(DeliveryRow.id))
    return list(session.execute(query.with_for_update()).scalars())


def retry(
    session: Session, row: DeliveryRow, *, cooldown: timedelta, now: datetime, even_if_sent: bool = False
) -> OperatorResult:
    """Make one delivery due now, with its tries counted anew; wake its queue after the commit.

    A in_doubt one stays in_doubt: it is looked for at the vendor first where that is possible. A survey needs its
    cooldown again, and is refused if the person was invited since.

    Args:
        session: the transaction.
        row: the delivery, locked.
        cooldown: as configured.
        now: the present moment.
        even_if_sent: also mail that may have been sent already.
    """
    refused = _refusal_reason(session, row, even_if_sent=even_if_sent) or _restore_invitation(
        session, row, cooldown, now
    )
    if refused is not None:
        return OperatorResult(row, refused)
    row.state, row.due_at, row.attempts = "pending", now, 0
    row.hold_code = row.hold_detail = row.finished_at = row.error_kind = None
    if not row.in_doubt:
        row.first_started_at = None
    session.flush()
    return OperatorResult(row)


def _refusal_reason(session: Session, row: DeliveryRow, *, even_if_sent: bool) -> str | None:
    if row.state not in RETRYABLE_STATES:
        return f"it is {row.state}; only dead and held deliveries are tried again"
    if row.action in CONFIRM_RESEND_ACTIONS and row.in_doubt and not even_if_sent:
        return "it may have been sent already; to send it again: --even-if-sent"
    if row.action in DEPENDENT_ACTIONS and row.depends_on_id is not None:
        before = session.get(DeliveryRow, row.depends_on_id)
        if before is None or before.state != "succeeded":
            return f"it waits for delivery {row.depends_on_id}; retry that one"
    return None


def _restore_invitation(session: Session, row: DeliveryRow, cooldown: timedelta, now: datetime) -> str | None:
    """Give a survey that was given up its invitation and its cooldown back; or why that cannot be."""
    if row.action != "send_survey" or row.invitation_id is None:
        return None
    invitation = session.get(InvitationRow, row.invitation_id)
    contact = session.get(ContactRow, row.contact_id) if row.contact_id else None
    if invitation is None or contact is None:
        return "its invitation is gone"
    if invitation.expires_at <= now:
        return "its survey has expired"
    if invitation.state != "cancelled":
        return None
    subjects = load_contact_subjects(session, contact)
    savepoint = session.begin_nested()
    until = now + cooldown
    if not cooldowns.reserve(session, subjects, invitation_id=row.invitation_id, until=until, now=now):
        savepoint.rollback()
        return "the person was invited to another survey since"
    savepoint.commit()
    invitation.state, invitation.reason = "planned", None
    return None
