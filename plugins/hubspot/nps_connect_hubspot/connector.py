"""Connector declaration of HubSpot."""

from __future__ import annotations

from nps_connect import (
    ActionInfo,
    Connection,
    ConnectorInfo,
    ExampleConfiguration,
    Quota,
    RetryLater,
    StatusRule,
    hookimpl,
)
from nps_connect_hubspot.errors import refine
from nps_connect_hubspot.event_kinds import EVENT_KINDS
from nps_connect_hubspot.import_layouts import IMPORT_LAYOUTS
from nps_connect_hubspot.settings import HubSpotSettings

TABLE = """\
[connections.crm]
plugin = "hubspot"
access_token = { env = "HUBSPOT_TOKEN" }   # a service key; scopes: see docs/hubspot.md
events = "poll"                            # "webhook" needs an app at HubSpot, and the next line: a second step
# webhook_secrets = [{ env = "HUBSPOT_WEBHOOK_SECRET" }]  # the app's client secret; two during a rotation
# portal_id = 1234567                      # rejects webhooks of other portals, enables links to records
# portal_timezone = "Europe/Paris"         # the daily limit of calls ends at its midnight
# won_stages = ["closedwon"]               # ids of the deal stages that mean "won"
# contact_label = "Decision maker"         # which contact of a deal is asked, when there are several
# notes = true                             # a note on the contact's timeline for each response and each case
# tasks = true                             # a task for the contact's owner when a case of a detractor opens
# opt_out_subscription = 1234567           # our unsubscribes switch this subscription type off
# calls_per_ten_seconds = 190              # Professional and Enterprise; the default is 100
# quota_share = 0.8                        # leave the rest of the quota to other integrations
"""

TRIGGERS = """\
[[triggers]]
on = "deal.won"
from = "crm"
survey = "after-purchase"
delay = "3d"
where = "amount >= 100"
"""

ROUTES = """\
[[routes]]
on = "any"
do = "write_score"
via = "crm"
"""

GENERAL = Quota(
    name="general",
    calls=100,
    seconds=10,
    default_pause_seconds=10,
    limit_header="X-HubSpot-RateLimit-Max",
    remaining_header="X-HubSpot-RateLimit-Remaining",
)
"""Calls of one token: 100 in 10 s (Free, Starter) to 250 (https://developers.hubspot.com/changelog/increasing-our-api-limits).
The default is the smallest; lower limits in HubSpot's headers are followed, and `connections check` reports the real
one."""

SEARCH = Quota(name="search", calls=4, seconds=1, default_pause_seconds=1, within="general")
"""Searches per portal: 5 per second, 4 on older pages, without quota headers in the responses
(https://developers.hubspot.com/docs/api-reference/latest/crm/search-the-crm). Searches also count against the daily
calls; when these are used up, the `general` quota is paused."""

STATUS_OVERRIDES = {
    423: StatusRule(error=RetryLater, after_seconds=2),  # another process has locked the record
    477: StatusRule(error=RetryLater, after_seconds=1),  # the portal moves between data centres; Retry-After is set
    521: StatusRule(error=RetryLater, after_seconds=1),  # the edge could not reach HubSpot: nothing was passed on
    523: StatusRule(error=RetryLater, after_seconds=1),  # same as 521
    # 524 (edge timeout) means the same as 504: perhaps applied, which the client's own outcome table covers.
}


def _quotas(settings: HubSpotSettings) -> tuple[Quota, ...]:
    """Return the quotas of one portal: its tier, limited to the configured share."""
    tier = GENERAL.model_copy(update={"calls": settings.calls_per_ten_seconds})
    return tuple(quota.model_copy(update={"share": settings.quota_share}) for quota in (tier, SEARCH))


def _auth(connection: Connection[HubSpotSettings]) -> dict[str, str]:
    settings = connection.settings
    return {"Authorization": f"Bearer {settings.access_token.get_secret_value()}"}


def _base_url(settings: HubSpotSettings) -> str:
    return settings.api_url


@hookimpl
def nps_connector() -> ConnectorInfo:
    """Describe the plugin."""
    return ConnectorInfo(
        name="hubspot",
        title="HubSpot",
        settings=HubSpotSettings,
        actions=(
            ActionInfo(action="write_score", batch_size=100),
            ActionInfo(action="write_case_outcome", batch_size=100),
            ActionInfo(action="write_opt_out", batch_size=1),
            ActionInfo(action="erase_contact", batch_size=1),
        ),
        events=EVENT_KINDS,
        quotas=(GENERAL, SEARCH),
        quotas_for=_quotas,
        status_overrides=STATUS_OVERRIDES,
        base_url=_base_url,
        auth=_auth,
        refine=refine,
        request_id_header="X-HubSpot-Correlation-Id",
        import_layouts=IMPORT_LAYOUTS,
        example=ExampleConfiguration(
            connection="crm",
            table=TABLE,
            triggers=TRIGGERS,
            routes=ROUTES,
            environment={"HUBSPOT_TOKEN": "pat-na1-put-the-service-key-here"},
        ),
    )
