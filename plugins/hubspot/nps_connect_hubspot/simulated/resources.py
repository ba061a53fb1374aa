"""Other endpoints: associations, definitions and groups, subscription statuses, account info, app webhooks."""

from __future__ import annotations

from datetime import datetime, timedelta

from nps_connect_hubspot.simulated.portal import Portal, format_moment
from nps_connect_hubspot.simulated.property_definitions import update_definition, validate_new_definition
from nps_connect_hubspot.simulated.quotas import Quotas
from nps_connect_hubspot.simulated.replies import JsonObject, Refusal, batch_body, not_found, standard_error

ALL_SUBSCRIPTIONS = 0
"""Key of the state that stands for all subscriptions."""


def associations(portal: Portal, source: str, target: str, body: JsonObject, now: datetime) -> JsonObject:
    """`batch/read`: records without an association are reported in `errors`."""
    inputs = body.get("inputs") or []
    if not 1 <= len(inputs) <= 1000:
        raise Refusal(400, "VALIDATION_ERROR", "between 1 and 1000 inputs are allowed")
    results, missing_ids = [], []
    for item in inputs:
        links = portal.links.get((source, item["id"], target), {})
        to = [{"toObjectId": portal.survivor(key), "associationTypes": kinds} for key, kinds in links.items()]
        if to:
            results.append({"from": {"id": item["id"]}, "to": to})
        else:
            missing_ids.append(item["id"])
    errors = [
        standard_error("OBJECT_NOT_FOUND", "No associations of this kind", {"fromObjectId": [record_id]})
        for record_id in missing_ids
    ]
    return batch_body(results, errors, format_moment(now))


def group(portal: Portal, kind: str, name: str) -> JsonObject:
    """Return a property group."""
    if name not in portal.groups.get(kind, {}):
        raise not_found()
    return portal.groups[kind][name]


def create_group(portal: Portal, kind: str, body: JsonObject) -> JsonObject:
    """Create a property group."""
    if not body.get("name") or not body.get("label"):
        raise Refusal(400, "VALIDATION_ERROR", "name and label are required")
    groups = portal.groups.setdefault(kind, {})
    if body["name"] in groups:
        raise Refusal(409, "CONFLICT", "A property group with this name exists already")
    groups[body["name"]] = {"name": body["name"], "label": body["label"], "displayOrder": -1, "archived": False}
    return groups[body["name"]]


def definition(portal: Portal, kind: str, name: str) -> JsonObject:
    """Return a property definition."""
    if name not in portal.definitions.get(kind, {}):
        raise not_found()
    return portal.definitions[kind][name]


def create_definition(portal: Portal, kind: str, body: JsonObject) -> JsonObject:
    """Create a property definition."""
    definitions = portal.definitions.setdefault(kind, {})
    created = validate_new_definition(body, {"information", *portal.groups.get(kind, {})}, definitions)
    definitions[created["name"]] = created
    return created


def change_definition(portal: Portal, kind: str, name: str, body: JsonObject) -> JsonObject:
    """Change a property definition."""
    portal.definitions[kind][name] = update_definition(definition(portal, kind, name), body)
    return portal.definitions[kind][name]


def statuses(portal: Portal, email: str) -> JsonObject:
    """Return the subscription statuses of an address."""
    states = portal.statuses.get(email.casefold(), {})
    return {
        "results": [
            {"subscriptionId": number, "status": state, "channel": "EMAIL"}
            for number, state in states.items()
            if number
        ]
    }


def set_status(portal: Portal, email: str, body: JsonObject) -> JsonObject:
    """Switch one subscription type; HubSpot refuses to unsubscribe an address that is unsubscribed."""
    number, state = body.get("subscriptionId"), body.get("statusState")
    if body.get("channel") != "EMAIL" or not isinstance(number, int) or state not in ("SUBSCRIBED", "UNSUBSCRIBED"):
        raise Refusal(400, "VALIDATION_ERROR", "channel, subscriptionId and statusState are required")
    states = portal.statuses.setdefault(email.casefold(), {})
    if state == "UNSUBSCRIBED" and states.get(number) == state:
        raise Refusal(400, "VALIDATION_ERROR", f"The contact is already unsubscribed from subscription {number}")
    states[number] = state
    return {"subscriptionId": number, "status": state, "channel": "EMAIL"}


def unsubscribed_from_all(portal: Portal, email: str) -> JsonObject:
    """Return whether an address is opted out of all subscriptions; it is not if there are no results."""
    state = portal.statuses.get(email.casefold(), {}).get(ALL_SUBSCRIPTIONS)
    return {"results": [{"channel": "EMAIL", "status": "UNSUBSCRIBED"}] if state == "UNSUBSCRIBED" else []}


def unsubscribe_from_all(portal: Portal, email: str, now: datetime) -> JsonObject:
    """Opt an address out of all subscriptions; HubSpot refuses a repetition."""
    states = portal.statuses.setdefault(email.casefold(), {})
    if states.get(ALL_SUBSCRIPTIONS) == "UNSUBSCRIBED":
        raise Refusal(400, "VALIDATION_ERROR", "The contact is already unsubscribed from all")
    states[ALL_SUBSCRIPTIONS] = "UNSUBSCRIBED"
    record = portal.contact(email)
    if record is not None:
        record.set({"hs_email_optout": "true"}, now)
    return {"results": []}


def details(portal: Portal, quotas: Quotas) -> JsonObject:
    """Return the portal's details."""
    return {
        "portalId": portal.portal_id,
        "accountType": "STANDARD",
        "timeZone": quotas.zone.key,
        "companyCurrency": "EUR",
        "dataHostingLocation": "eu1",
        "uiDomain": "app-eu1.hubspot.com",
    }


def daily_usage(quotas: Quotas, now: datetime) -> JsonObject:
    """Return the use of today's quota."""
    local = now.astimezone(quotas.zone)
    midnight = (local + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    usage = {"currentUsage": quotas.used_today, "usageLimit": quotas.daily, "resetsAt": format_moment(midnight)}
    return {"results": [{"name": "private-apps-api-calls-daily", **usage}]}


def subscribe(portal: Portal, body: JsonObject) -> JsonObject:
    """Create a webhook subscription of the app."""
    existing = [(row["eventType"], row.get("propertyName")) for row in portal.subscriptions]
    if (body.get("eventType"), body.get("propertyName")) in existing:
        raise Refusal(409, "CONFLICT", "The subscription exists already")
    created = {"id": str(len(portal.subscriptions) + 1), **body}
    portal.subscriptions.append(created)
    return created
