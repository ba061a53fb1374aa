"""Sample mails to customers, for previews and test mails. Nothing is written to the ledger."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from nps_connect.errors import DeliveryError
from nps_connect.records.contacts import Contact
from nps_connect.records.deliveries import ReviewDestination, ReviewInvitation
from nps_connect.records.messages import Address, Message
from nps_connect.records.responses import Response
from nps_connect.rendering import mails
from nps_connect.rules.timing import last_valid_moment, link_expiry
from nps_connect.services.context import Context
from nps_connect.services.deliveries.customer_mail import build_sender, inline_images, list_id
from nps_connect.services.links import TestLink

SampleKind = Literal["survey", "reminder", "confirm", "review", "help"]

SAMPLE_SCORE = 2
"""The score in a sample of the confirmation request."""


def build_sample_mail(
    ctx: Context, survey_name: str, language: str, *, to: Address, at: datetime, mail: SampleKind = "survey"
) -> Message | None:
    """Build a sample of one of the mails of a survey. Its links lead to test pages, which record nothing.

    Args:
        ctx: the application context.
        survey_name: one of the configured surveys.
        language: of the mail.
        to: the recipient.
        at: the present moment.
        mail: `survey`, its `reminder`, `confirm` (a detractor's score was opened but not submitted), or the review
            invitation that leads with the `review` or with `help`.

    Returns:
        The mail; None for a review invitation without a route to a review platform.
    """
    token = ctx.links.test(TestLink(survey_name, language))
    survey_url, unsubscribe = ctx.links.url("s", token), ctx.links.url("u", token)
    if mail in ("review", "help"):
        destination = _load_destination(ctx, survey_name, language, at, survey_url)
        if destination is None:
            return None
        rendered = mails.render_review_mail(
            language=language,
            sender=build_sender(ctx),
            name=to.name,
            lead=mail,
            platform=destination.title,
            review_url=destination.url,
            unsubscribe_url=unsubscribe,
        )
    else:
        definition, zone = ctx.settings.surveys[survey_name], ctx.settings.core.zone
        rendered = mails.render_survey_mail(
            language=language,
            sender=build_sender(ctx, definition, language),
            name=to.name,
            touchpoint=definition.touchpoint or survey_name,
            question=definition.question.get(language),
            survey_url=survey_url,
            unsubscribe_url=unsubscribe,
            expires_at=last_valid_moment(link_expiry(at, definition.expires_after, zone), zone),
            reminder=mail != "survey",
            confirm=SAMPLE_SCORE if mail == "confirm" else None,
            test=True,
        )
    message_id = ctx.new_public_id()
    return Message(
        idempotency_key=f"test-{message_id}",
        message_id=message_id,
        kind="survey",
        to=to,
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
        language=rendered.language,
        unsubscribe_url=unsubscribe,
        list_id=list_id(ctx, survey_name),
        inline_images=inline_images(ctx),
        test=True,
    )


def _load_destination(
    ctx: Context, survey_name: str, language: str, at: datetime, test_url: str
) -> ReviewDestination | None:
    """Return the review page for a contact without a location; the test page if the platform needs a location."""
    routes = [route for route in ctx.settings.routes if route.do == "invite_review"]
    platform = next((route.via for route in routes if ctx.has(route.via, "nps_review_destination")), None)
    if platform is None:
        return None
    plugin = ctx.connections[platform].settings.plugin
    invitation = ReviewInvitation(
        contact=Contact(connection=platform, id="sample"),
        response=Response(
            id="sample", revision=1, survey=survey_name, touchpoint="", score=10, language=language, answered_at=at
        ),
        idempotency_key="sample",
        lead="review",
    )
    try:
        destination: ReviewDestination = ctx.plugins.call(
            plugin, "nps_review_destination", connection=ctx.connections[platform], invitation=invitation
        )
    except DeliveryError:
        return ReviewDestination(url=test_url, title=ctx.plugins.infos[plugin].title)
    return destination
