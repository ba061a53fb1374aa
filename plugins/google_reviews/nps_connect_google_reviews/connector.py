"""Connector declaration of Google reviews."""

from __future__ import annotations

from nps_connect import ActionInfo, ConnectorInfo, ExampleConfiguration, ExampleQuestion, ReviewPolicy, hookimpl
from nps_connect_google_reviews.settings import PLACEHOLDER, GoogleReviewsSettings

TITLE = "Google"

POLICY = ReviewPolicy(
    rule="ask-everyone",
    reason=(
        "Google forbids asking only happy customers, discouraging negative reviews, and offering anything in return; "
        "reviews won that way can be removed, and the profile restricted"
    ),
    source="https://support.google.com/contributionpolicy/answer/7400114",
)

EXAMPLE = ExampleConfiguration(
    connection="google",
    table=f"""\
[connections.google]
plugin = "google_reviews"
place_id = "{PLACEHOLDER}"          # or review_url = "https://g.page/r/.../review" from your Business Profile
# Several places: name the contact's or event's property that selects the place, and list them.
# location_field = "store"
# locations = {{ lyon = "<place id>", paris = "https://g.page/r/.../review" }}
""",
    routes="""\
[[routes]]
on = "promoter"
do = "invite_review"
via = "google"
delay = "2h"

[[routes]]
on = ["passive", "detractor"]
do = "invite_review"
via = "google"
lead = "help"                                   # thanks and help first, the same link below: Google requires asking all
delay = "3d"
""",
    questions=(ExampleQuestion(key="place_id", text="Place id of your Business Profile"),),
)


def policy_for(_settings: GoogleReviewsSettings) -> ReviewPolicy:
    """Return Google's rule, which is the same for every account."""
    return POLICY


@hookimpl
def nps_connector() -> ConnectorInfo:
    """Describe the plugin. It provides a link only; the survey's channel sends the invitation."""
    return ConnectorInfo(
        name="google_reviews",
        title=TITLE,
        settings=GoogleReviewsSettings,
        actions=(ActionInfo(action="invite_review"),),
        review_policy=policy_for,
        location_field=lambda settings: settings.location_field,
        example=EXAMPLE,
    )
