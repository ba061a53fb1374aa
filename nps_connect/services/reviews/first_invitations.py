"""First answers: the review invitations of many answers that have none yet, planned together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlmodel import Session

from nps_connect.ledger import review_report, review_requests
from nps_connect.ledger.review_requests import ReviewReservation
from nps_connect.ledger.subjects import contact_subjects
from nps_connect.ledger.tables import ContactRow
from nps_connect.records.contacts import Contact
from nps_connect.records.deliveries import CancelCode, HoldCode
from nps_connect.records.responses import Response
from nps_connect.rules.routing import PlannedAction
from nps_connect.services.contacts.response_records import ResponseColumns
from nps_connect.services.context import Context
from nps_connect.services.reviews.invitations import invitation_columns, reachable_platforms
from nps_connect.services.reviews.platform_choice import NoReviewInvitation, choose_invitation, review_subjects
from nps_connect.services.reviews.review_pages import review_platforms
from nps_connect.services.reviews.ticket_wait import next_send_time


class FirstResponse(NamedTuple):
    """An answer in its first revision.

    Attributes:
        answer: as it is stored.
        response: the same as a record.
        contact: the person.
        mailbox: hash of the person's mailbox.
        merged: somebody was merged into the person.
        asked: the person or the mailbox was asked for a review before.
        planned: the invitations that the routes lead to, one per platform.
    """

    answer: ResponseColumns
    response: Response
    contact: Contact
    mailbox: str | None
    merged: bool
    asked: bool
    planned: Sequence[PlannedAction]


def plan_first_invitations(
    ctx: Context, session: Session, firsts: Sequence[FirstResponse], new: list[dict[str, Any]]
) -> set[str]:
    """See to it that at most one review mail is planned for each answer; returns the queues that have new work.

    Args:
        ctx: the joined parts.
        session: the answers' transaction.
        firsts: the answers, none of which has a review mail.
        new: deliveries that are to be inserted are added.
    """
    review_report.record_first_responses(
        session,
        [
            (one.answer.id or 0, one.answer.contact_id, one.response.segment, review_platforms(ctx, one.response))
            for one in firsts
        ],
    )
    asking = [one for one in firsts if one.planned]
    names = {one.answer.id: _subjects(session, one) for one in asking if one.asked or one.merged}
    known = (
        review_requests.load_reservations(session, {name for group in names.values() for name in group})
        if names
        else []
    )
    rows = []
    for one in asking:
        own = names.get(one.answer.id, ())
        others = [ask for ask in known if ask.subject in own and ask.response_id != one.answer.id]
        rows.append(_plan_invitation(ctx, session, one, others))
    new += rows
    return {row["queue_name"] for row in rows if row["state"] != "cancelled"}


def _plan_invitation(
    ctx: Context, session: Session, one: FirstResponse, others: Sequence[ReviewReservation]
) -> dict[str, Any]:
    """The one invitation of an answer, or why there is none: the no is written down like a yes."""
    offers = reachable_platforms(
        ctx, session, one.response, one.contact, one.answer.invitation_id, {offer.via: offer for offer in one.planned}
    )
    now = ctx.clock()
    try:
        chosen = choose_invitation(ctx, one.contact, one.response, offers, others)
    except NoReviewInvitation as declined:
        columns = invitation_columns(ctx, one.answer, next(iter(offers.values())), now)
        code = CancelCode.REVIEW_DECLINED
        return {**columns, "state": "cancelled", "cancel_code": code, "last_error": str(declined), "finished_at": now}
    due = next_send_time(ctx, one.contact, now + chosen.delay)
    columns = invitation_columns(ctx, one.answer, chosen, now)
    columns["options"] |= {"first_due": due.isoformat()}
    held = {"state": "held", "hold_code": HoldCode.SHADOW} if ctx.shadow else {"state": "pending"}
    return {**columns, **held, "due_at": due}


def _subjects(session: Session, one: FirstResponse) -> list[str]:
    """The subjects of a person; only where somebody was merged into them these are looked for."""
    contact = session.get(ContactRow, one.answer.contact_id) if one.merged else None
    return (
        contact_subjects(one.answer.contact_id, one.mailbox) if contact is None else review_subjects(session, contact)
    )
