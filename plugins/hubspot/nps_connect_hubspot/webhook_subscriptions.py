"""The webhook subscriptions that the settings need, compared with those of the app.

Subscriptions of a project app are defined in the app's project file, and a service key cannot read them;
docs/hubspot.md has the file to paste. Where they can be read, they are compared and created. API version 2026-09 takes
the app's developer key for them and no access token, 2026-03 an access token of the app.
"""

from __future__ import annotations

from collections.abc import Iterator

from nps_connect import Connection, SetupChange
from nps_connect_hubspot.api import Api
from nps_connect_hubspot.settings import HubSpotSettings

UNREADABLE_STATUSES = (401, 403, 404)


def required_subscriptions(settings: HubSpotSettings) -> list[str]:
    """Return the required subscriptions as ``type`` or ``type/property``."""
    names = ["contact.deletion", "contact.merge", "contact.privacyDeletion"]
    if "contacts" in settings.listen_to:
        names += ["contact.creation", *(f"contact.propertyChange/{name}" for name in settings.contact_properties)]
    if "deals" in settings.listen_to:
        names.append("deal.propertyChange/dealstage")
    if "tickets" in settings.listen_to:
        names.append("ticket.propertyChange/hs_pipeline_stage")
    return names


def plan_subscriptions(api: Api, connection: Connection[HubSpotSettings]) -> Iterator[SetupChange]:
    """Yield the subscriptions that the app lacks; nothing if the connection is polled or names no app."""
    app_id = api.settings.app_id
    if api.settings.events != "webhook" or app_id is None:
        return
    response = api.get(api.paths.subscriptions(app_id), accept=UNREADABLE_STATUSES)
    if response.status in UNREADABLE_STATUSES:
        yield SetupChange(
            id="subscriptions",
            change="blocked",
            text=f"the subscriptions of app {app_id} cannot be read with this token (API version 2026-09 takes the "
            "app's developer key only): compare them in HubSpot with the list in docs/hubspot.md, then remove app_id",
        )
        return
    body = response.json_or_none()
    results = body.get("results") if isinstance(body, dict) else None
    active = {
        _subscription_name(item) for item in results or () if isinstance(item, dict) and item.get("active") is True
    }
    for name in required_subscriptions(api.settings):
        if name not in active:
            yield SetupChange(id=f"subscription:{name}", change="create", text=f"subscribe app {app_id} to {name}")
    yield from _compare_address(api, connection, app_id)


def _compare_address(api: Api, connection: Connection[HubSpotSettings], app_id: int) -> Iterator[SetupChange]:
    """An app has one target URL for all portals: a different one is reported, never replaced."""
    response = api.get(api.paths.webhook_settings(app_id), accept=UNREADABLE_STATUSES)
    body = response.json_or_none()
    target_url = body.get("targetUrl") if isinstance(body, dict) else None
    expected_url = api.settings.webhook_url or f"{connection.public_url}/hooks/{connection.name}"
    if response.status == 200 and target_url != expected_url:
        yield SetupChange(
            id="webhook-address",
            change="blocked",
            text=f"app {app_id} sends its webhooks elsewhere: set its target URL to {expected_url} in HubSpot",
        )


def create_subscription(api: Api, name: str) -> None:
    """Subscribe; HubSpot returns 409 if the app is subscribed already."""
    if api.settings.app_id is None:
        return
    kind, _, property_name = name.partition("/")
    body = {"eventType": kind, "active": True} | ({"propertyName": property_name} if property_name else {})
    api.send("POST", api.paths.subscriptions(api.settings.app_id), body, idempotent=True, accept=(409,))


def _subscription_name(item: dict[str, object]) -> str:
    kind = item.get("eventType") or item.get("subscriptionType")
    return f"{kind}/{item['propertyName']}" if item.get("propertyName") else str(kind)
