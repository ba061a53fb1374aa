"""People whose opt-outs are unknown after a restore: not contacted until an operator confirms."""

from __future__ import annotations

from sqlalchemy import CompoundSelect, String, cast, delete, func, literal, select, union, update
from sqlmodel import Session, col

from nps_connect.ledger.columns import UtcDateTime, insert_for
from nps_connect.ledger.subjects import mailbox_subject, person_subject
from nps_connect.ledger.suppressions import UNCONFIRMED, SuppressionRow
from nps_connect.ledger.tables import ContactRow, DeliveryRow, InvitationRow
from nps_connect.records.actions import HoldCode
from nps_connect.services.context import Context

SOURCE = "restore"


def suppress_unconfirmed(ctx: Context, session: Session) -> int:
    """Suppress everybody who got customer mail, or may have got one; returns how many people. Their mail is then held.

    They may have opted out since the backup, by a link in any of their mails, and no journal says so.
    """
    people = _mailed_people(ctx)
    subjects = union(
        select(literal(person_subject(0).removesuffix("0")) + cast(col(ContactRow.id), String)).where(
            col(ContactRow.id).in_(people)
        ),
        select(literal(mailbox_subject("")) + col(ContactRow.mailbox)).where(
            col(ContactRow.id).in_(people), col(ContactRow.mailbox).is_not(None)
        ),
    ).subquery()
    values = select(subjects.c[0], literal(UNCONFIRMED), literal(SOURCE), literal(ctx.clock(), UtcDateTime()))
    columns = ["subject", "reason", "source", "created_at"]
    # SQLite needs a WHERE before ON CONFLICT, to tell it from a join
    statement = insert_for(session, SuppressionRow).from_select(columns, values.where(literal(1) == 1))
    session.execute(statement.on_conflict_do_nothing(index_elements=["subject", "reason"]))
    return int(session.execute(select(func.count()).select_from(people.subquery())).scalar_one())


def count_unconfirmed(session: Session) -> int:
    """Return how many people are not contacted because their opt-outs are unknown."""
    query = select(func.count()).where(
        col(SuppressionRow.reason) == UNCONFIRMED, col(SuppressionRow.subject).startswith(person_subject(0)[:2])
    )
    return int(session.execute(query).scalar_one())


def confirm_opt_outs(session: Session) -> int:
    """Contact these people again: an operator has checked who opted out; returns how many there were."""
    people = count_unconfirmed(session)
    session.execute(delete(SuppressionRow).where(col(SuppressionRow.reason) == UNCONFIRMED))
    session.execute(
        update(DeliveryRow)
        .where(col(DeliveryRow.state) == "held", col(DeliveryRow.hold_code) == HoldCode.OPT_OUTS_UNKNOWN)
        .values(state="pending", hold_code=None)
        .execution_options(synchronize_session=False)
    )
    return people


def _mailed_people(ctx: Context) -> CompoundSelect[tuple[int | None]]:
    """Return the query for the ids of contacts who got customer mail, or whose mail is in doubt."""
    return union(
        select(col(InvitationRow.contact_id)).where(col(InvitationRow.sent_at).is_not(None)),
        select(col(DeliveryRow.contact_id)).where(
            col(DeliveryRow.action).in_(_customer_actions(ctx)),
            col(DeliveryRow.in_doubt) | (col(DeliveryRow.state) == "succeeded"),
        ),
    )


def _customer_actions(ctx: Context) -> list[str]:
    return [spec.action for spec in ctx.actions.values() if spec.customer_facing]
