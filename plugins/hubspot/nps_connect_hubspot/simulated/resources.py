"""The other endpoints: associations, definitions and groups, subscription statuses, account info, app webhooks."""

from __future__ import annotations

from datetime import datetime, timedelta

from nps_connect_hubspot.simulated.portal import Portal, format_moment
from nps_connect_hubspot.simulated.property_definitions import update_definition, validate_new_definition
from nps_connect_hubspot.simulated.quotas import Quotas
from nps_connect_hubspot.simulated.replies import JsonObject, Refusal, batch_body, not_found, standard_error

ALL_SUBSCRIPTIONS = 0
"""Key of the subscription state that stands for everything."""


def associations(portal: Portal, source: str, target: str, body: JsonObject, now: datetime) -> JsonObject:
    """`batch/read`: what has no association is told in `errors`."""
    inputs = body.get("inputs") or []
    if not 1 <= len(inputs) <= 1000:
        raise Refusal(400, "VALIDATION_ERROR", "between 1 and 1000 inputs are allowed")
    results, lost = [], []
    for given in inputs:
        links = portal.links.get((source, given["id"], target), {})
        to = [{"toObjectId": portal.survivor(key), "associationTypes": kinds} for key, kinds in links.items()]
        if to:
            results.append({"from": {"id": given["id"]}, "to": to})
        else:
            lost.append(given["id"])
    errors = [
        standard_error("OBJECT_NOT_FOUND", "No associations of this kind", {"fromObjectId": [record_id]})
        for record_id in lost
    ]
    return batch_body(results, errors, format_moment(now))


def group(portal: Portal, kind: str, name: str) -> JsonObject:
    """One property group."""
    found = portal.groups.get(kind, {}).get(name)
    if found is None:
        raise not_found()
    return found


def create_group(portal: Portal, kind: str, body: JsonObject) -> JsonObject:
    """A new property group."""
    if not body.get("name") or not body.get("label"):
        raise Refusal(400, "VALIDATION_ERROR", "name and label are required")
    groups = portal.groups.setdefault(kind, {})
    if body["name"] in groups:
        raise Refusal(409, "CONFLICT", "A property group with this name exists already")
    groups[body["name"]] = {"name": body["name"], "label": body["label"], "displayOrder": -1, "archived": False}
    return groups[body["name"]]


def definition(portal: Portal, kind: str, name: str) -> JsonObject:
    """One property definition."""
    found = portal.definitions.get(kind, {}).get(name)
    if found is None:
        raise not_found()
    return found


def create_definition(portal: Portal, kind: str, body: JsonObject) -> JsonObject:
    """A new property definition."""
    known = portal.definitions.setdefault(kind, {})
    made = validate_new_definition(body, {"information", *portal.groups.get(kind, {})}, known)
    known[made["name"]] = made
    return made


def change_definition(portal: Portal, kind: str, name: str, body: JsonObject) -> JsonObject:
    """A changed property definition."""
    portal.definitions[kind][name] = update_definition(definition(portal, kind, name), body)
    return portal.definitions[kind][name]


def statuses(portal: Portal, email: str) -> JsonObject:
    """The subscription statuses of an address."""
    known = portal.statuses.get(email.casefold(), {})
    return {
        "results": [
            {"subscriptionId": number, "status": state, "channel": "EMAIL"} for number, state in known.items() if number
        ]
    }


def set_status(portal: Portal, email: str, body: JsonObject) -> JsonObject:
    """Switch one subscription type; switching it off twice is refused."""
    number, state = body.get("subscriptionId"), body.get("statusState")
    if body.get("channel") != "EMAIL" or not isinstance(number, int) or state not in ("SUBSCRIBED", "UNSUBSCRIBED"):
        raise Refusal(400, "VALIDATION_ERROR", "channel, subscriptionId and statusState are required")
    known = portal.statuses.setdefault(email.casefold(), {})
    if state == "UNSUBSCRIBED" and known.get(number) == state:
        raise Refusal(400, "VALIDATION_ERROR", f"The contact is already unsubscribed from subscription {number}")
    known[number] = state
    return {"subscriptionId": number, "status": state, "channel": "EMAIL"}


def unsubscribed_from_all(portal: Portal, email: str) -> JsonObject:
    """Whether an address is opted out of everything; no results = it is not."""
    off = portal.statuses.get(email.casefold(), {}).get(ALL_SUBSCRIPTIONS) == "UNSUBSCRIBED"
    return {"results": [{"channel": "EMAIL", "status": "UNSUBSCRIBED"}] if off else []}


def unsubscribe_from_all(portal: Portal, email: str, now: datetime) -> JsonObject:
    """Opt an address out of everything; doing it twice is refused."""
    known = portal.statuses.setdefault(email.casefold(), {})
    if known.get(ALL_SUBSCRIPTIONS) == "UNSUBSCRIBED":
        raise Refusal(400, "VALIDATION_ERROR", "The contact is already unsubscribed from all")
    known[ALL_SUBSCRIPTIONS] = "UNSUBSCRIBED"
    record = portal.contact(email)
    if record is not None:
        record.set({"hs_email_optout": "true"}, now)
    return {"results": []}


def details(portal: Portal, quotas: Quotas) -> JsonObject:
    """Who the portal is."""
    return {
        "portalId": portal.portal_id,
        "accountType": "STANDARD",
        "timeZone": quotas.zone.key,
        "companyCurrency": "EUR",
        "dataHostingLocation": "eu1",
        "uiDomain": "app-eu1.hubspot.com",
    }


def daily_usage(quotas: Quotas, now: datetime) -> JsonObject:
    """Today's use of the quota."""
    local = now.astimezone(quotas.zone)
    midnight = (local + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    usage = {"currentUsage": quotas.used_today, "usageLimit": quotas.daily, "resetsAt": format_moment(midnight)}
    return {"results": [{"name": "private-apps-api-calls-daily", **usage}]}


def subscribe(portal: Portal, body: JsonObject) -> JsonObject:
    """A new webhook subscription of the app."""
    made = {"id": str(len(portal.subscriptions) + 1), **body}
    same = [(known["eventType"], known.get("propertyName")) for known in portal.subscriptions]
    if (body.get("eventType"), body.get("propertyName")) in same:
        raise Refusal(409, "CONFLICT", "The subscription exists already")
    portal.subscriptions.append(made)
    return made
