"""Why the cooldown of a person blocks a survey mail that was planned before: what has started it since."""

from __future__ import annotations

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger import cooldowns
from nps_connect.ledger.tables import InvitationRow, ResponseRow
from nps_connect.records.actions import CancelCode, cancel_text
from nps_connect.records.responses import collection_phrase
from nps_connect.rules.trigger_decision import Person
from nps_connect.services.action_spec import NotAttempted
from nps_connect.services.context import Context


def cancel_in_cooldown(ctx: Context, session: Session, invitation: InvitationRow, person: Person) -> NotAttempted:
    """Return why an invitation is not sent whose cooldown could not be reserved, with what started that cooldown.

    Responses taken elsewhere, and invitations and responses of other tools, start cooldowns too. Otherwise the person
    was surveyed as another contact, or at another address.
    """
    holders = cooldowns.find_holders(session, person.subjects, besides=invitation.id or 0, now=ctx.clock())
    query = (
        select(InvitationRow, ResponseRow)
        .outerjoin(ResponseRow, col(ResponseRow.invitation_id) == col(InvitationRow.id))
        .where(col(InvitationRow.id).in_(holders), col(InvitationRow.state) == "imported")
        .order_by(col(InvitationRow.sent_at).desc(), col(InvitationRow.id))
        .limit(1)
    )
    row = session.execute(query).first()
    if row is None:
        return NotAttempted.cancelled(CancelCode.COOLDOWN, cancel_text(CancelCode.COOLDOWN))
    response: ResponseRow | None = row[1]
    how = collection_phrase(response.collected_by) if response is not None else None
    detail = "surveyed within the cooldown by another tool, as an import says"
    if response is not None and how is not None:
        detail = f"surveyed within the cooldown: answered {response.survey} {how}"
    return NotAttempted.cancelled(CancelCode.COOLDOWN, detail)
