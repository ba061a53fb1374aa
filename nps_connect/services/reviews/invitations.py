"""Review invitations: at most one review mail per response, planned in the transaction of the response.

A changed response rewords, delays or cancels a mail that has not been sent; what has been sent is never sent again.
Nobody is asked twice for one platform, nor for two platforms within the cooldown.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlmodel import Session

from nps_connect.ledger import review_report, review_requests
from nps_connect.ledger.review_requests import ALL_PLATFORMS, ReviewReservation
from nps_connect.ledger.subjects import contact_subjects
from nps_connect.ledger.tables import ContactRow, DeliveryRow
from nps_connect.records.actions import CancelCode, HoldCode
from nps_connect.records.deliveries import ReviewDestination
from nps_connect.rules.review_policy import choose_platform
from nps_connect.rules.routing import PlannedAction, review_platforms
from nps_connect.services.contacts.store import RoutableResponse, load_person
from nps_connect.services.context import Context
from nps_connect.services.deliveries.cancel import UNSTARTED_STATES, cancel, mark_cancelled, mark_pending
from nps_connect.services.deliveries.factory import NewDelivery
from nps_connect.services.reviews.review_pages import resolve_review_page

_RESUMABLE_CODES = (CancelCode.RESPONSE_CHANGED, CancelCode.REVIEW_DECLINED)

log = logging.getLogger(__name__)


class ReviewPlan(NamedTuple):
    """What is planned for one response.

    Attributes:
        response: the newest revision.
        offers: the invitations that the routes lead to, by platform.
        mails: its existing review mails, locked, oldest first; a first response has none.
    """

    response: RoutableResponse
    offers: Mapping[str, PlannedAction]
    mails: Sequence[DeliveryRow]


def plan_review_invitations(
    ctx: Context, session: Session, plans: Sequence[ReviewPlan], new_deliveries: list[NewDelivery]
) -> set[str]:
    """Plan at most one review mail for each response; return the queues whose existing mails changed.

    Args:
        ctx: the context.
        session: the transaction of the responses.
        plans: one for each response.
        new_deliveries: what is to be enqueued is added.
    """
    for_report, changed, queues, open_plans = [], [], set(), []
    for plan in plans:
        columns, response = plan.response.columns, plan.response.response
        platforms = review_platforms(ctx.settings.routes, response)
        for_report.append((columns.id or 0, columns.contact_id, response.segment, platforms))
        if columns.revision > 1:
            changed.append(columns.id or 0)
        if plan.mails:
            queues |= _update_unsent(ctx, session, plan)
        if plan.offers and all(map(_is_resumable, plan.mails)):
            open_plans.append(plan)
    review_report.record_responses(session, for_report, changed)
    reservations = _load_reservations(session, open_plans)
    for plan in open_plans:
        outcome = _choose_offer(ctx, session, plan, reservations.get(plan.response.columns.id, ()))
        queues |= _enqueue_invitation(ctx, plan, *outcome, new_deliveries)
    session.flush()
    return queues


def _update_unsent(ctx: Context, session: Session, plan: ReviewPlan) -> set[str]:
    """Bring unsent mails up to date, cancel those without an offer; return the queues of the others."""
    queues = set()
    for mail in plan.mails:
        if mail.state not in UNSTARTED_STATES or mail.first_started_at is not None or mail.in_doubt:
            continue
        offer = plan.offers.get(mail.options["platform"])
        if offer is None:
            cancel(ctx, session, mail, CancelCode.RESPONSE_CHANGED)
        elif is_reminder(mail):
            mail.options = {**mail.options, **_route_options(offer)}
        else:
            _reschedule(ctx, plan, mail, offer)
            queues.add(mail.queue_name)
    return queues


def _is_resumable(mail: DeliveryRow) -> bool:
    """Return whether a mail was cancelled before its start for a reason that may no longer hold."""
    return mail.state == "cancelled" and mail.first_started_at is None and mail.cancel_code in _RESUMABLE_CODES


def _load_reservations(session: Session, plans: Sequence[ReviewPlan]) -> dict[int | None, list[ReviewReservation]]:
    """Return the reservations that other responses of the same contacts or mailboxes hold, by response id."""
    subjects: dict[int | None, Collection[str]] = {}
    for plan in plans:
        columns = plan.response.columns
        if plan.response.has_merged_contacts and (contact := session.get(ContactRow, columns.contact_id)) is not None:
            subjects[columns.id] = load_person(session, contact).subjects
        elif plan.response.has_review_request:
            subjects[columns.id] = contact_subjects(columns.contact_id, plan.response.mailbox)
    if not subjects:
        return {}
    stored = review_requests.load_reservations(session, set().union(*subjects.values()))
    return {
        response_id: [entry for entry in stored if entry.subject in names and entry.response_id != response_id]
        for response_id, names in subjects.items()
    }


def _choose_offer(
    ctx: Context, session: Session, plan: ReviewPlan, others: Sequence[ReviewReservation]
) -> tuple[PlannedAction, str | None]:
    """Choose one offer: plugins are asked one by one, then the weights decide.

    Returns the offer and None, or an offer that stands for all and the reason why nobody is asked.
    """
    offers = plan.offers if len(plan.offers) == 1 else _reachable_offers(ctx, session, plan)
    fallback = next(iter(offers.values()))
    if others:
        if (blocked := block_reason(offers, others, ctx.clock())) is not None:
            return fallback, blocked
        used = {reservation.platform for reservation in others}
        offers = {platform: offer for platform, offer in offers.items() if platform not in used}
    if len(offers) == 1 and (offer := next(iter(offers.values()))).weight:
        return offer, None  # nothing to choose
    contact = plan.response.contact
    weights = {platform: offer.weight for platform, offer in offers.items()}
    platform = _ask_plugins(ctx, plan.response, list(offers)) or choose_platform(
        list(offers), weights, f"{contact.connection}:{contact.id}"
    )
    if platform is None:
        return fallback, f"no mail by choice: every weight of {', '.join(offers)} is 0"
    return offers[platform], None


def _reachable_offers(ctx: Context, session: Session, plan: ReviewPlan) -> Mapping[str, PlannedAction]:
    """Return the offers whose platforms have a page for this contact, or all if none has."""
    response, invitation_id = plan.response, plan.response.columns.invitation_id
    reachable = {}
    for platform, offer in plan.offers.items():
        page = resolve_review_page(ctx, session, platform, response.response, response.contact, invitation_id)
        if isinstance(page, ReviewDestination):
            reachable[platform] = offer
    return reachable or plan.offers


def block_reason(platforms: Collection[str], others: Iterable[ReviewReservation], now: datetime) -> str | None:
    """Return why a contact cannot be asked for any of these platforms, or None.

    Args:
        platforms: the platforms.
        others: reservations of other responses.
        now: the present moment (UTC).
    """
    reserved = {entry.platform for entry in others}
    if reserved.issuperset(platforms):
        return asked_before_reason(platforms)
    ends = [entry.until for entry in others if entry.platform == ALL_PLATFORMS and entry.until and entry.until > now]
    return f"asked for a review within the cooldown, which ends on {max(ends).date().isoformat()}" if ends else None


def asked_before_reason(platforms: Iterable[str]) -> str:
    """Return the reason for not asking for platforms that the contact was asked for before."""
    return f"asked for a review on {' and '.join(sorted(platforms))} before; nobody is asked twice"


def _ask_plugins(ctx: Context, response: RoutableResponse, platforms: Sequence[str]) -> str | None:
    """Return the choice of the first plugin that makes one; exceptions and unknown names are logged and ignored."""
    for name, choice in ctx.plugins.call_each(
        "nps_choose_review_platform",
        contact=response.contact,
        response=response.response,
        platforms=list(platforms),
    ):
        if isinstance(choice, Exception):
            log.error("review_platform_choice_failed plugin=%s error=%s", name, type(choice).__name__)
        elif choice in platforms:
            return str(choice)
        elif choice is not None:
            log.error("review_platform_choice_invalid plugin=%s", name)
    return None


def _enqueue_invitation(
    ctx: Context, plan: ReviewPlan, offer: PlannedAction, declined: str | None, new_deliveries: list[NewDelivery]
) -> set[str]:
    """Plan the mail, or record the reason why there is none; return the queue of a resumed mail."""
    for mail in plan.mails:
        if mail.options["platform"] == offer.via and not is_reminder(mail):
            break
    else:
        new_deliveries.append(_new_invitation(ctx, plan, offer, declined))
        return set()
    if declined is not None:
        mark_cancelled(mail, CancelCode.REVIEW_DECLINED, declined, ctx.clock())
        return set()
    mark_pending(mail)
    if ctx.shadow:
        mail.state, mail.hold_code = "held", HoldCode.SHADOW
    _reschedule(ctx, plan, mail, offer)
    return {mail.queue_name}


def _new_invitation(ctx: Context, plan: ReviewPlan, offer: PlannedAction, declined: str | None) -> NewDelivery:
    columns, now = plan.response.columns, ctx.clock()
    options = {**_route_options(offer), "platform": offer.via}
    due_at = now
    if declined is None:
        due_at = now + offer.delay
        options["first_due"] = due_at.isoformat()
    return NewDelivery(
        connection=ctx.settings.surveys[columns.survey].channel,
        action="invite_review",
        subject=columns.public_id,
        route=offer.via,
        due_at=due_at,
        contact_id=columns.contact_id,
        invitation_id=columns.invitation_id,
        response_id=columns.id,
        revision=columns.revision,
        options=options,
        hold_code=HoldCode.SHADOW if ctx.shadow and declined is None else None,
        cancel_code=CancelCode.REVIEW_DECLINED if declined is not None else None,
        cancel_detail=declined,
    )


def _reschedule(ctx: Context, plan: ReviewPlan, mail: DeliveryRow, offer: PlannedAction) -> None:
    due_at = ctx.clock() + offer.delay
    mail.options = {**mail.options, **_route_options(offer), "first_due": due_at.isoformat()}
    mail.due_at, mail.revision = due_at, plan.response.columns.revision
    if mail.state == "pending":
        mail.hold_code = mail.hold_detail = None


def is_reminder(mail: DeliveryRow) -> bool:
    """Return whether a review mail is a reminder."""
    return bool(mail.options.get("reminder"))


def _route_options(offer: PlannedAction) -> dict[str, Any]:
    return {"route": offer.route, "lead": offer.lead}
