"""Personal review links: every visit is recorded before it is redirected to the review page."""

from __future__ import annotations

import logging
from datetime import datetime

from sqlalchemy import func, select
from sqlmodel import Session, col

from nps_connect.ledger import review_report
from nps_connect.ledger.tables import ContactRow, DeliveryRow, PageViewRow, ResponseRow
from nps_connect.records.actions import CancelCode
from nps_connect.records.deliveries import ReviewDestination
from nps_connect.records.pages import PageView
from nps_connect.rules import bot_detection
from nps_connect.services.contacts.store import build_contact, build_response, confirmed_clause
from nps_connect.services.context import Context
from nps_connect.services.deliveries.settle_in_doubt import settle_opened
from nps_connect.services.links import ReviewLink
from nps_connect.services.reviews.actions import cancel_reminder, load_review_deliveries
from nps_connect.services.reviews.invitations import is_reminder
from nps_connect.services.reviews.review_pages import resolve_review_page

log = logging.getLogger(__name__)

MAX_VISITS = 200
"""Stored visits of the review links of a response; further ones are redirected and leave no row."""


def resolve_review_link(ctx: Context, token: str, view: PageView) -> str | None:
    """Record a visit and return the review page's URL; None for an invalid link, an erased contact or no page."""
    link = ctx.links.read_review(token)
    if link is None:
        return None
    with ctx.ledger.write() as session:
        row = session.execute(
            select(ResponseRow, ContactRow)
            .join(ContactRow, col(ContactRow.id) == col(ResponseRow.contact_id))
            .where(
                col(ResponseRow.public_id) == link.response,
                confirmed_clause(),
                col(ContactRow.erased_at).is_(None),
            )
            .with_for_update(of=ContactRow, read=True, key_share=True)  # against an erasure at the same time
        ).first()
        if row is None:
            return None
        response, contact = row
        _record_visit(ctx, session, response, link, view)
        page = resolve_review_page(
            ctx, session, link.platform, build_response(response), build_contact(contact), response.invitation_id
        )
    if isinstance(page, ReviewDestination):
        return page.url
    log.warning("review_link_without_page connection=%s reason=%s", link.platform, page)
    return None


def _record_visit(ctx: Context, session: Session, response: ResponseRow, link: ReviewLink, view: PageView) -> None:
    """Store a visit with its bot signals; one without signals cancels the reminder."""
    sent_at = _last_sent_at(session, response, link) if link.shown_on == "mail" else None
    visit = bot_detection.PageVisit(view.method, view.at, None)
    signals = bot_detection.detect_signals(visit, (), () if sent_at is None else (sent_at,))
    stored = select(func.count()).select_from(PageViewRow).where(col(PageViewRow.response_id) == response.id)
    if (session.scalar(stored) or 0) < MAX_VISITS:
        session.add(
            PageViewRow(
                purpose="review",
                response_id=response.id,
                platform=link.platform,
                method=view.method,
                at=view.at,
                address=view.address,
                agent=view.agent,
                bot_signals=bot_detection.serialize_signals(signals),
            )
        )
        session.flush()
    event: review_report.ReviewLinkEvent = "bot_opened" if signals else "opened"
    review_report.record_review_link_event(session, response.id or 0, link.platform, event)
    if not signals:
        cancel_reminder(ctx, session, response.id or 0, CancelCode.REVIEW_LINK_OPENED)
    if link.shown_on == "mail":
        mails = load_review_deliveries(session, response.id or 0, lock=True)
        settle_opened(ctx, session, [mail for mail in mails if _is_first_mail(mail, link)])


def _is_first_mail(mail: DeliveryRow, link: ReviewLink) -> bool:
    """Return whether a mail is the one that brings a link first: its reminder brings the same link."""
    return mail.options.get("platform") == link.platform and not is_reminder(mail)


def _last_sent_at(session: Session, response: ResponseRow, link: ReviewLink) -> datetime | None:
    """Return when the newest mail with this link was sent (UTC)."""
    sent = [
        mail.finished_at
        for mail in load_review_deliveries(session, response.id or 0)
        if mail.state == "succeeded" and mail.finished_at is not None and mail.options.get("platform") == link.platform
    ]
    return max(sent, default=None)
