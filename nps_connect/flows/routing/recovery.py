"""Closing the loop: a solved case is followed up by one more survey, and a better score is told to its ticket."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.flows.contacts.people import as_contact, survivor
from nps_connect.flows.context import Context, delivery_lane
from nps_connect.flows.deciding.gathering import Known, people_of
from nps_connect.flows.deciding.proposing import vetoed
from nps_connect.flows.deciding.taking import Taken
from nps_connect.flows.delivering.cancel import cancel
from nps_connect.flows.inviting.invite import Yes, invite_all
from nps_connect.flows.reviewing.waiting import ticket_solved
from nps_connect.flows.routing.cases import recover, ticket_told
from nps_connect.ledger.cases import CaseRow
from nps_connect.ledger.tables import ContactRow, DecisionRow, DeliveryRow, InvitationRow, ResponseRow
from nps_connect.ledger.upserts import insert_new
from nps_connect.records.events import Event
from nps_connect.rules.deciding import Ruling
from nps_connect.rules.following import Solved, follow
from nps_connect.rules.routing import delivery_key
from nps_connect.settings.model import Trigger

KIND = "case.solved"
"""The fact that vetoes are asked about: not the ticket, which is our own and never surveyed for itself."""

EXEMPT = "the follow-up of a solved case"
"""Why it may be sent within the cooldown."""

UNSENT = ("pending", "held")


def close_loop(ctx: Context, session: Session, row: Taken, event: Event) -> set[str]:
    """Apply what a helpdesk tells of a case's ticket, with all that follows; returns the lanes with new work."""
    case = ticket_told(session, row.connection, event)
    if case is None:
        return set()
    session.flush()
    if case.state == "open":
        return _call_off(ctx, session, case)
    lanes = ticket_solved(session, case.contact_id, ctx.clock())
    if ctx.settings.recovery.survey is not None:
        lanes |= _follow_up(ctx, session, row, event, case)
    return lanes


def note_recovery(ctx: Context, session: Session, response: ResponseRow) -> set[str]:
    """A better score recovers the customer: noted on the case, and told to its ticket when it answers the follow-up."""
    case = recover(session, response, ctx.clock())
    if case is None or case.follow_up_id != response.invitation_id:
        return set()
    return _tell_ticket(ctx, session, case, response)


def _follow_up(ctx: Context, session: Session, row: Taken, event: Event, case: CaseRow) -> set[str]:
    survey = ctx.settings.recovery.survey or ""
    trigger = Trigger.model_validate(
        {
            "on": KIND,
            "from": case.connection,
            "survey": survey,
            "delay": ctx.settings.recovery.delay,
            "ignore_cooldown": EXEMPT,
        }
    )
    decided = select(col(DecisionRow.id)).where(
        col(DecisionRow.event_id) == row.id, col(DecisionRow.trigger) == trigger.label
    )
    contact, response = session.get(ContactRow, case.contact_id), session.get(ResponseRow, case.response_id)
    if contact is None or response is None or session.execute(decided).scalar() is not None:
        return set()
    contact = survivor(session, contact)
    known = Known(contact.id or 0, contact.mailbox, contact.language)
    person = people_of(session, {known.id: known.mailbox})[known.id]
    fact = Event(
        key=f"{KIND}:{case.id}:{event.key}"[:400],
        kind=KIND,
        object_id=str(case.id),
        occurred_at=event.occurred_at,
        contacts=(as_contact(contact),),
        fields={"score": response.score, "survey": response.survey, "touchpoint": response.touchpoint},
    )
    ruling = follow(
        Solved(
            event=fact,
            now=ctx.clock(),
            max_event_age=ctx.settings.limits.max_event_age,
            contact=as_contact(contact),
            suppressed=person.suppressed,
            vetoed=vetoed(ctx, fact, as_contact(contact), trigger),
            asked_before=_asked_before(session, case),
            is_follow_up=_answers_follow_up(session, response),
            do_not_contact=response.do_not_contact,
            recovered=case.recovered_score is not None,
        ),
        delay=ctx.settings.recovery.delay,
    )
    lanes: set[str] = set()
    if ruling.verdict == "yes":
        lanes = invite_all(ctx, session, [Yes(row, known, person, trigger, ruling)])
        case.follow_up_id = session.execute(
            select(col(InvitationRow.id)).where(
                col(InvitationRow.event_id) == row.id, col(InvitationRow.trigger) == trigger.label
            )
        ).scalar()
    _write_down(ctx, session, row, trigger, contact, ruling)
    return lanes


def _asked_before(session: Session, case: CaseRow) -> bool:
    invitation = session.get(InvitationRow, case.follow_up_id) if case.follow_up_id is not None else None
    return invitation is not None and invitation.state != "cancelled"


def _answers_follow_up(session: Session, response: ResponseRow) -> bool:
    query = select(col(CaseRow.id)).where(col(CaseRow.follow_up_id) == response.invitation_id)
    return session.execute(query).first() is not None


def _write_down(
    ctx: Context, session: Session, row: Taken, trigger: Trigger, contact: ContactRow, ruling: Ruling
) -> None:
    session.add(
        DecisionRow(
            event_id=row.id,
            trigger=trigger.label,
            survey=trigger.survey,
            contact_id=contact.id,
            verdict=ruling.verdict,
            reason=ruling.reason,
            detail=ruling.detail,
            decided_at=ctx.clock(),
            eligible_at=ruling.eligible_at,
        )
    )
    session.flush()


def _call_off(ctx: Context, session: Session, case: CaseRow) -> set[str]:
    """The ticket is open again: a follow-up that has not gone out does not."""
    if case.follow_up_id is None:
        return set()
    unsent = select(DeliveryRow).where(
        col(DeliveryRow.invitation_id) == case.follow_up_id,
        col(DeliveryRow.action) == "send_survey",
        col(DeliveryRow.state).in_(UNSENT),
        col(DeliveryRow.doubtful).is_(False),
    )
    for delivery in session.execute(unsent.with_for_update()).scalars():
        cancel(ctx, session, delivery, reason="the ticket was opened again")
    return set()


def _tell_ticket(ctx: Context, session: Session, case: CaseRow, response: ResponseRow) -> set[str]:
    """Plan the news for the ticket; news that have not gone out and are true no longer are cancelled."""
    earlier = select(DeliveryRow).where(
        col(DeliveryRow.response_id) == response.id,
        col(DeliveryRow.action) == "update_ticket",
        col(DeliveryRow.state).in_(UNSENT),
    )
    for row in session.execute(earlier.with_for_update()).scalars():
        if row.options.get("case") == "recovered" and row.first_started_at is None:
            cancel(ctx, session, row, reason="the answer was changed")
    if case.recovered_score is None or ctx.shadow or not _takes_news(ctx, case.connection):
        return set()
    ticket = session.execute(
        select(DeliveryRow).where(
            col(DeliveryRow.response_id) == case.response_id,
            col(DeliveryRow.connection) == case.connection,
            col(DeliveryRow.action) == "open_ticket",
        )
    ).scalar()
    if ticket is None:
        return set()
    lane, now = delivery_lane(case.connection, "update_ticket"), ctx.clock()
    values: dict[str, Any] = {
        "key": delivery_key(
            action="update_ticket",
            subject=response.public_id,
            revision=response.revision,
            route=f"{case.connection}:recovered",
        ),
        "lane": lane,
        "connection": case.connection,
        "action": "update_ticket",
        "state": "pending",
        "due_at": now,
        "contact_id": case.contact_id,
        "response_id": response.id,
        "revision": response.revision,
        "options": {"case": "recovered"},
        "after_id": ticket.id,
        "created_at": now,
    }
    insert_new(session, DeliveryRow, [values], ("key",))
    return {lane}


def _takes_news(ctx: Context, connection: str) -> bool:
    return connection in ctx.connections and ctx.info_of(connection).action("update_ticket") is not None
