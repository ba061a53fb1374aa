"""Describes the plugin."""

from __future__ import annotations

from nps_connect import ActionInfo, ConnectorInfo, ExampleConfiguration, ExampleQuestion, ReviewPolicy, hookimpl
from nps_connect.builtin.review_link.settings import ReviewLinkSettings

REASONS = {
    "ask-everyone": "{title} requires that every customer is asked alike, as declared in the configuration",
    "free": "{title} does not restrict who is asked, as declared in the configuration",
}
DEFAULT_POLICY_SOURCE = "declared by the operator; asking everyone is allowed everywhere"

EXAMPLE = ExampleConfiguration(
    connection="directory",
    table="""\
[connections.directory]
plugin = "review_link"
title = "Trade directory"                       # how customers know the platform
url = "https://directory.example.com/exemple-sa/review?lang={language}"
policy = "ask-everyone"                         # or "free", with policy_source = where the platform says so
""",
    questions=(
        ExampleQuestion(key="title", text="Name of the review platform"),
        ExampleQuestion(key="url", text="Address of your review page"),
    ),
)


def build_policy(settings: ReviewLinkSettings) -> ReviewPolicy:
    """Return the policy that the operator declares."""
    return ReviewPolicy(
        rule=settings.policy,
        reason=REASONS[settings.policy].format(title=settings.title),
        source=settings.policy_source or DEFAULT_POLICY_SOURCE,
    )


@hookimpl
def nps_connector() -> ConnectorInfo:
    """Describe the plugin. It provides a link; the invitation is sent through the survey's channel."""
    return ConnectorInfo(
        name="review_link",
        title="Review link",
        settings=ReviewLinkSettings,
        actions=(ActionInfo(action="invite_review"),),
        review_policy=build_policy,
        location_field=lambda settings: settings.location_field,
        example=EXAMPLE,
    )
