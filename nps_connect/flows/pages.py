"""What the survey page may show: nothing that a forwarded link should not tell."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Session

from nps_connect.flows.answers import is_confirmed
from nps_connect.flows.context import Context
from nps_connect.flows.follow_ups import follow_ups
from nps_connect.flows.links import ReviewLink, TestLink, UnsubscribeLink
from nps_connect.flows.review import destinations
from nps_connect.ledger.subjects import mailbox_hash
from nps_connect.ledger.tables import ContactRow, InvitationRow, ResponseRow
from nps_connect.records.pages import SurveyPage

OPEN_STATES = ("planned", "sent")


def is_open(invitation: InvitationRow, at: datetime) -> bool:
    """Whether an answer is taken."""
    return invitation.state in OPEN_STATES and at < invitation.expires_at


def unknown(ctx: Context) -> SurveyPage:
    """The page of a link that is none."""
    return SurveyPage(state="unknown", language=ctx.settings.core.language)


def survey_of(
    ctx: Context,
    session: Session,
    token: str,
    invitation: InvitationRow,
    contact: ContactRow,
    response: ResponseRow | None,
    *,
    at: datetime,
    language: str | None,
) -> SurveyPage:
    """The page of an invitation.

    Args:
        ctx: the joined parts.
        session: the transaction.
        token: of the page.
        invitation: what the link is about.
        contact: whom.
        response: the answer so far.
        at: the present moment.
        language: that the visitor asked for; none = the invitation's own.
    """
    if invitation.state not in OPEN_STATES:
        return unknown(ctx)
    tongue = language or invitation.language
    link = UnsubscribeLink(contact.id or 0, contact.mailbox or mailbox_hash(""))
    shown: dict[str, Any] = {
        "language": tongue,
        "help_address": ctx.settings.core.help_address,
        "token": token,
        "unsubscribe_token": ctx.links.unsubscribe(link),
    }
    if at >= invitation.expires_at:
        return SurveyPage(state="expired", **shown)
    shown |= {"question": _question(ctx, invitation.survey, tongue)}
    shown |= {"follow_ups": follow_ups(ctx, invitation.survey, tongue)}
    if response is None or not is_confirmed(response):
        return SurveyPage(state="open", **shown)
    return SurveyPage(
        state="answered",
        score=response.score,
        commented=response.comment is not None,
        do_not_contact=response.do_not_contact,
        reviews=tuple(
            destination.model_copy(update={"url": _review_address(ctx, response.id or 0, platform)})
            for platform, destination in destinations(ctx, session, response, contact)
        ),
        **shown,
    )


def test_of(ctx: Context, token: str, link: TestLink, *, score: int | None, language: str | None) -> SurveyPage:
    """The page of a test mail, before and after a press; nothing of it is written down."""
    if link.survey not in ctx.settings.surveys:
        return unknown(ctx)
    tongue = language or link.language
    return SurveyPage(
        state="open" if score is None else "answered",
        language=tongue,
        question=_question(ctx, link.survey, tongue),
        score=score,
        help_address=ctx.settings.core.help_address,
        token=token,
        unsubscribe_token=token,
        follow_ups=follow_ups(ctx, link.survey, tongue),
        test=True,
    )


def _question(ctx: Context, survey: str, language: str) -> str | None:
    definition = ctx.settings.surveys.get(survey)
    return definition.question.get(language) if definition else None


def _review_address(ctx: Context, response_id: int, platform: str) -> str:
    return ctx.links.address("r", ctx.links.review(ReviewLink(response_id, platform, "page")))
