"""What the plugin is."""

from __future__ import annotations

from nps_connect import ActionInfo, ConnectorInfo, ExampleConfiguration, ReviewPolicy, hookimpl
from nps_connect.builtin.review_link.settings import ReviewLinkSettings

REASONS = {
    "ask-everyone": "{title} wants every customer asked alike, as the configuration declares",
    "free": "{title} leaves open who is asked, as the configuration declares",
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
)


def build_policy(settings: ReviewLinkSettings) -> ReviewPolicy:
    """What the operator declares about the platform."""
    return ReviewPolicy(
        rule=settings.policy,
        reason=REASONS[settings.policy].format(title=settings.title),
        source=settings.policy_source or DEFAULT_POLICY_SOURCE,
    )


@hookimpl
def nps_connector() -> ConnectorInfo:
    """Describe the plugin. It takes a link: the invitation itself travels through the survey's channel."""
    return ConnectorInfo(
        name="review_link",
        title="Review link",
        settings=ReviewLinkSettings,
        actions=(ActionInfo(action="invite_review", doubt="hold", customer_facing=True),),
        review_policy=build_policy,
        location_field=lambda settings: settings.location_field,
        example=EXAMPLE,
    )
