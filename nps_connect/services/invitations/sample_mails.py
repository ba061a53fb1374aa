"""The mails to customers as samples: to be looked at before anybody gets one. Nothing of them is written down."""

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
from nps_connect.services.deliveries.messages import build_sender, inline_images, list_id
from nps_connect.services.links import TestLink

SampleKind = Literal["survey", "reminder", "confirm", "review", "help"]

SAMPLE_SCORE = 2
"""The score that a sample of the mail "please confirm" tells of."""


def build_sample_mail(
    ctx: Context, survey_name: str, language: str, *, to: Address, at: datetime, mail: SampleKind = "survey"
) -> Message | None:
    """One of the mails that follow from a survey. Its links lead to test pages: what is pressed there counts nowhere.

    Args:
        ctx: the joined parts.
        survey_name: one of the configured surveys.
        language: of the mail.
        to: where it goes.
        at: the present moment.
        mail: `survey`, its `reminder`, `confirm` (a detractor's score was opened and never pressed), or the mail after
            an answer that leads with the `review` or with `help`.

    Returns:
        None for a mail after an answer where no route leads to a review page.
    """
    token = ctx.links.test(TestLink(survey_name, language))
    survey_url, unsubscribe = ctx.links.url("s", token), ctx.links.url("u", token)
    if mail in ("review", "help"):
        page = _review_page(ctx, survey_name, language, at, survey_url)
        if page is None:
            return None
        worded = mails.render_review_mail(
            language=language,
            sender=build_sender(ctx),
            name=to.name,
            lead=mail,
            platform=page.title,
            review_url=page.url,
            unsubscribe_url=unsubscribe,
        )
    else:
        definition, zone = ctx.settings.surveys[survey_name], ctx.settings.core.zone
        worded = mails.render_survey_mail(
            language=language,
            sender=build_sender(ctx, definition.signature(language)),
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
    return Message(
        idempotency_key=f"test-{ctx.token()}",
        kind="survey",
        to=to,
        subject=worded.subject,
        text=worded.text,
        html=worded.html,
        language=worded.language,
        unsubscribe_url=unsubscribe,
        list_id=list_id(ctx, survey_name),
        inline_images=inline_images(ctx),
        test=True,
    )


def _review_page(
    ctx: Context, survey_name: str, language: str, at: datetime, test_url: str
) -> ReviewDestination | None:
    """The review page that somebody without a location is sent to; the test page where a location is needed."""
    routes = [route for route in ctx.settings.routes if route.do == "invite_review"]
    platform = next((route.via for route in routes if ctx.has(route.via, "nps_review_destination")), None)
    if platform is None:
        return None
    plugin = ctx.plugin_name(platform)
    invitation = ReviewInvitation(
        contact=Contact(connection=platform, id="sample"),
        response=Response(
            id="sample", revision=1, survey=survey_name, touchpoint="", score=10, language=language, answered_at=at
        ),
        idempotency_key="sample",
        lead="review",
    )
    try:
        found: ReviewDestination = ctx.plugins.call(
            plugin, "nps_review_destination", connection=ctx.connections[platform], invitation=invitation
        )
    except DeliveryError:
        return ReviewDestination(url=test_url, title=ctx.plugins.infos[plugin].title)
    return found
