"""Other endpoints: associations, definitions and groups, subscription statuses, account info, app webhooks."""

from __future__ import annotations

from datetime import datetime, timedelta

from nps_connect_hubspot.simulated.portal import Portal, format_moment
from nps_connect_hubspot.simulated.property_definitions import update_definition, validate_new_definition
from nps_connect_hubspot.simulated.quotas import Quotas
from nps_connect_hubspot.simulated.replies import JsonObject, Refusal, batch_body, not_found, standard_error

ALL_SUBSCRIPTIONS = 0
"""Key of the state that stands for all subscriptions."""


ASSOCIATIONS_PER_PAGE = 500
"""Associations of one record in a response; the rest follows with `paging.next.after`. Not verified: the number."""


def associations(portal: Portal, source: str, target: str, body: JsonObject, now: datetime) -> JsonObject:
    """`batch/read`: each record has its own pages; not verified: those without an association are errors.

    Source: https://github.com/HubSpot/HubSpot-public-api-spec-collection/tree/main/PublicApiSpecs/CRM/Associations.
    """
    inputs = body.get("inputs") or []
    if not 1 <= len(inputs) <= 1000:
        raise Refusal(400, "VALIDATION_ERROR", "between 1 and 1000 inputs are allowed")
    results, missing_ids = [], []
    for item in inputs:
        links = portal.links.get((source, item["id"], target), {})
        to = [{"toObjectId": portal.survivor(key), "associationTypes": kinds} for key, kinds in links.items()]
        start = int(item.get("after") or 0)
        end = start + ASSOCIATIONS_PER_PAGE
        if to:
            paging = {"paging": {"next": {"after": str(end)}}} if end < len(to) else {}
            results.append({"from": {"id": item["id"]}, "to": to[start:end], **paging})
        else:
            missing_ids.append(item["id"])
    errors = [
        standard_error("OBJECT_NOT_FOUND", "No associations of this kind", {"fromObjectId": [record_id]})
        for record_id in missing_ids
    ]
    return batch_body(results, errors, format_moment(now))


def associate(
    portal: Portal, source: tuple[str, str], target: tuple[str, str], type_id: int, now: datetime
) -> JsonObject:
    """Associate two records, each given as object type and id, with HubSpot's own association type."""
    portal.link(portal.find(*source), portal.find(*target), type_id)
    pair = {"from": {"id": source[1]}, "to": {"id": target[1]}}
    return batch_body([pair, {"from": pair["to"], "to": pair["from"]}], [], format_moment(now))


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


def statuses(portal: Portal, email: str, now: datetime) -> JsonObject:
    """Return the subscription statuses of an address."""
    states = portal.statuses.get(email.casefold(), {})
    rows = [status_row(email, state, now, subscriptionId=number) for number, state in states.items() if number]
    return batch_body(rows, [], format_moment(now))


def set_status(portal: Portal, email: str, body: JsonObject, now: datetime) -> JsonObject:
    """Switch one subscription type. Not verified: a repetition succeeds without a change."""
    number, state = body.get("subscriptionId"), body.get("statusState")
    is_known = state in ("SUBSCRIBED", "UNSUBSCRIBED", "NOT_SPECIFIED")
    if body.get("channel") != "EMAIL" or not isinstance(number, int) or not is_known:
        raise Refusal(400, "VALIDATION_ERROR", "channel, subscriptionId and statusState are required")
    states = portal.statuses.setdefault(email.casefold(), {})
    reason = "NO_STATUS_CHANGE" if states.get(number) == state else "REQUESTED_CHANGE_OCCURRED"
    states[number] = str(state)
    row = status_row(email, str(state), now, subscriptionId=number, setStatusSuccessReason=reason)
    return batch_body([row], [], format_moment(now))


def unsubscribed_from_all(portal: Portal, email: str, now: datetime) -> JsonObject:
    """Return whether an address is opted out of all subscriptions; it is not if there are no results."""
    state = portal.statuses.get(email.casefold(), {}).get(ALL_SUBSCRIPTIONS)
    rows = [status_row(email, state, now, wideStatusType="PORTAL_WIDE")] if state == "UNSUBSCRIBED" else []
    return batch_body(rows, [], format_moment(now))


def unsubscribe_from_all(portal: Portal, email: str, now: datetime) -> JsonObject:
    """Opt an address out of all subscriptions; not verified: a repetition succeeds, and the response has no rows."""
    portal.statuses.setdefault(email.casefold(), {})[ALL_SUBSCRIPTIONS] = "UNSUBSCRIBED"
    record = portal.contact(email)
    if record is not None:
        record.set({"hs_email_optout": "true"}, now)
    return batch_body([], [], format_moment(now))


def status_row(email: str, state: str, now: datetime, **more: object) -> JsonObject:
    """Return the row of an address in the responses of the communication preferences.

    Source: https://developers.hubspot.com/docs/api-reference/latest/communication-preferences/status/
    get-subscriptions-subscriberIdString.
    """
    row = {"channel": "EMAIL", "subscriberIdString": email, "status": state, "timestamp": format_moment(now)}
    return {**row, **more}


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


def subscribe(portal: Portal, body: JsonObject, now: datetime) -> JsonObject:
    """Create a webhook subscription of the app."""
    if body.get("eventType", "").endswith(".propertyChange") and not body.get("propertyName"):
        raise Refusal(400, "VALIDATION_ERROR", "propertyName is required")
    existing = [(row["eventType"], row.get("propertyName")) for row in portal.subscriptions]
    if (body.get("eventType"), body.get("propertyName")) in existing:
        raise Refusal(409, "CONFLICT", "The subscription exists already")
    created = {"id": str(len(portal.subscriptions) + 1), **body, "createdAt": format_moment(now)}
    portal.subscriptions.append(created)
    return created
