"""Routes: method and path to handler. Each API version has its own prefixes; other versions do not exist."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import unquote

from nps_connect import VendorReply, VendorRequest
from nps_connect_hubspot.simulated import objects, resources
from nps_connect_hubspot.simulated.portal import Portal
from nps_connect_hubspot.simulated.quotas import Quotas
from nps_connect_hubspot.simulated.replies import JsonObject, Refusal, missing_scopes, not_found, reply
from nps_connect_hubspot.simulated.search import search

VERSIONS = "2026-03|2026-09"
CONTACT_TO_NOTE_TYPE_ID = 201
APP_SCOPES = ("developers-read", "developers-write", "private-apps-read", "private-apps-write")
WEBHOOK_PREFIX = {"2026-03": "webhooks", "2026-09": "app-webhooks"}


@dataclass(frozen=True)
class Call:
    """One request with its context.

    Attributes:
        version: API version.
        parts: named parts of the path.
        body: the JSON object of the request; empty if there is none.
    """

    request: VendorRequest
    portal: Portal
    quotas: Quotas
    now: datetime
    lag: timedelta
    version: str
    parts: dict[str, str]
    body: JsonObject


Handler = Callable[[Call], VendorReply]
_ROUTES: list[tuple[str, re.Pattern[str], Handler]] = []


def _route(method: str, path: str) -> Callable[[Handler], Handler]:
    pattern = re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", path.replace("{v}", f"(?P<v>{VERSIONS})"))

    def register(handler: Handler) -> Handler:
        _ROUTES.append((method, re.compile(pattern), handler))
        return handler

    return register


def find_route(method: str, path: str) -> tuple[Handler, dict[str, str]]:
    """Return the handler of a request and the named parts of its path.

    Raises:
        Refusal: 404 for an unknown path.
    """
    for route_method, pattern, handler in _ROUTES:
        match = pattern.fullmatch(path)
        if match and route_method == method:
            return handler, {name: unquote(value) for name, value in match.groupdict().items()}
    raise Refusal(404, "NOT_FOUND", f"Unable to find any resource for {method}")


def is_search(path: str) -> bool:
    """Return whether a path counts against the search quota."""
    return path.endswith("/search")


def _require_scopes(call: Call, *scopes: str) -> None:
    if not call.portal.scopes & set(scopes):
        raise missing_scopes(scopes)


def _require_object_scope(call: Call, kind: str, right: str) -> None:
    if kind == "tickets":
        _require_scopes(call, "tickets")
    else:
        _require_scopes(call, f"crm.objects.{'deals' if kind == 'deals' else 'contacts'}.{right}")


@_route("POST", "/crm/objects/{v}/{kind}/batch/{verb}")
def _batch(call: Call) -> VendorReply:
    kind, verb = _kind(call), call.parts["verb"]
    if verb == "read":
        _require_object_scope(call, kind, "read")
        body = objects.read(call.portal, kind, call.body, call.now, archived=_wants_archived(call))
        return reply(_batch_status(call, body, 200), body)
    if verb == "archive":  # nothing is returned, and an unknown id is no error
        _require_object_scope(call, kind, "write")
        objects.archive(call.portal, kind, call.body, call.now)
        return reply(204, None)
    if verb not in objects.WRITE_HANDLERS:
        raise Refusal(404, "NOT_FOUND", "Unable to find any resource for POST")
    _require_object_scope(call, kind, "write")
    body = objects.WRITE_HANDLERS[verb](call.portal, kind, call.body, call.now)
    return reply(_batch_status(call, body, 201 if verb == "create" else 200), body)


def _batch_status(call: Call, body: JsonObject, status: int) -> int:
    """A partly failed batch is 207 before 2026-09; from then on it is 200 or 201 with `errors`."""
    return 207 if body.get("errors") and call.version == "2026-03" else status


@_route("POST", "/crm/objects/{v}/{kind}/search")
def _search(call: Call) -> VendorReply:
    _require_object_scope(call, _kind(call), "read")
    return reply(200, search(call.portal, _kind(call), call.body, call.now - call.lag))


@_route("GET", "/crm/objects/{v}/{kind}")
def _list(call: Call) -> VendorReply:
    _require_object_scope(call, _kind(call), "read")
    return reply(200, objects.list_page(call.portal, _kind(call), call.request.query))


@_route("POST", "/crm/objects/{v}/{kind}")
def _create(call: Call) -> VendorReply:
    _require_object_scope(call, _kind(call), "write")
    return reply(201, objects.create_one(call.portal, _kind(call), call.body, call.now))


@_route("GET", "/crm/objects/{v}/{kind}/{id}")
def _read(call: Call) -> VendorReply:
    _require_object_scope(call, _kind(call), "read")
    record = call.portal.find(_kind(call), call.parts["id"], call.request.query.get("idProperty"))
    if record.archived != _wants_archived(call):
        raise not_found(call.parts["id"])
    return reply(200, record.to_json(call.request.query.get("properties", "").split(",")))


def _wants_archived(call: Call) -> bool:
    return call.request.query.get("archived") == "true"


@_route("DELETE", "/crm/objects/{v}/{kind}/{id}")
def _archive(call: Call) -> VendorReply:
    """Archive a record (https://github.com/HubSpot/HubSpot-public-api-spec-collection/tree/main/PublicApiSpecs/CRM)."""
    _require_object_scope(call, _kind(call), "write")
    objects.archive(call.portal, _kind(call), {"inputs": [{"id": call.parts["id"]}]}, call.now)
    return reply(204, None)


@_route("POST", "/crm/objects/{v}/contacts/merge")
def _merge(call: Call) -> VendorReply:
    _require_object_scope(call, "contacts", "write")
    ids = call.body["primaryObjectId"], call.body["objectIdToMerge"]
    survivor, merged = (call.portal.find("contacts", value) for value in ids)
    if survivor is merged:
        raise Refusal(400, "VALIDATION_ERROR", "a record cannot be merged with itself")
    call.portal.merge(survivor, merged, call.now)
    return reply(200, survivor.to_json(survivor.properties))


@_route("PUT", "/crm/objects/{v}/{source}/{id}/associations/default/{target}/{target_id}")
def _associate(call: Call) -> VendorReply:
    _require_object_scope(call, call.parts["source"], "write")
    source = call.parts["source"], call.parts["id"]
    target = call.parts["target"], call.parts["target_id"]
    type_id = CONTACT_TO_NOTE_TYPE_ID  # the only pair of objects whose type is needed
    return reply(200, resources.associate(call.portal, source, target, type_id, call.now))


@_route("PATCH", "/crm/objects/{v}/{kind}/{id}")
def _change(call: Call) -> VendorReply:
    _require_object_scope(call, _kind(call), "write")
    id_property = call.request.query.get("idProperty")
    changed = objects.update_one(call.portal, _kind(call), call.parts["id"], id_property, call.body, call.now)
    return reply(200, changed)


@_route("POST", "/crm/associations/{v}/{source}/{target}/batch/read")
def _associations(call: Call) -> VendorReply:
    _require_object_scope(call, call.parts["source"], "read")
    body = resources.associations(call.portal, call.parts["source"], call.parts["target"], call.body, call.now)
    return reply(_batch_status(call, body, 200), body)


@_route("GET", "/crm/properties/{v}/{kind}/groups/{name}")
def _group(call: Call) -> VendorReply:
    _require_scopes(call, "crm.schemas.contacts.read")
    return reply(200, resources.group(call.portal, call.parts["kind"], call.parts["name"]))


@_route("POST", "/crm/properties/{v}/{kind}/groups")
def _create_group(call: Call) -> VendorReply:
    _require_scopes(call, "crm.schemas.contacts.write")
    return reply(201, resources.create_group(call.portal, call.parts["kind"], call.body))


@_route("GET", "/crm/properties/{v}/{kind}/{name}")
def _definition(call: Call) -> VendorReply:
    if call.parts["name"] == "groups":
        return reply(200, {"results": list(call.portal.groups.get(call.parts["kind"], {}).values())})
    _require_scopes(call, f"crm.schemas.{call.parts['kind']}.read", f"crm.objects.{call.parts['kind']}.read", "tickets")
    return reply(200, resources.definition(call.portal, call.parts["kind"], call.parts["name"]))


@_route("GET", "/crm/properties/{v}/{kind}")
def _definitions(call: Call) -> VendorReply:
    _require_scopes(call, f"crm.schemas.{call.parts['kind']}.read")
    return reply(200, {"results": list(call.portal.definitions.get(call.parts["kind"], {}).values())})


@_route("POST", "/crm/properties/{v}/{kind}")
def _create_definition(call: Call) -> VendorReply:
    _require_scopes(call, "crm.schemas.contacts.write")
    return reply(201, resources.create_definition(call.portal, call.parts["kind"], call.body))


@_route("PATCH", "/crm/properties/{v}/{kind}/{name}")
def _change_definition(call: Call) -> VendorReply:
    _require_scopes(call, "crm.schemas.contacts.write")
    changed = resources.change_definition(call.portal, call.parts["kind"], call.parts["name"], call.body)
    return reply(200, changed)


@_route("GET", "/communication-preferences/{v}/statuses/{email}")
def _statuses(call: Call) -> VendorReply:
    _require_scopes(call, "communication_preferences.read", "subscriptions-status-read")
    return reply(200, resources.statuses(call.portal, _subscriber(call), call.now))


@_route("POST", "/communication-preferences/{v}/statuses/{email}")
def _set_status(call: Call) -> VendorReply:
    _require_scopes(call, "communication_preferences.write", "subscriptions-status-write")
    return reply(200, resources.set_status(call.portal, call.parts["email"], call.body, call.now))


@_route("GET", "/communication-preferences/{v}/statuses/{email}/unsubscribe-all")
def _unsubscribed(call: Call) -> VendorReply:
    _require_scopes(call, "communication_preferences.read", "subscriptions-status-read")
    return reply(200, resources.unsubscribed_from_all(call.portal, _subscriber(call), call.now))


@_route("POST", "/communication-preferences/{v}/statuses/{email}/unsubscribe-all")
def _unsubscribe(call: Call) -> VendorReply:
    _require_scopes(call, "communication_preferences.write", "subscriptions-status-write")
    return reply(200, resources.unsubscribe_from_all(call.portal, _subscriber(call), call.now))


@_route("GET", "/account-info/{v}/details")
def _details(call: Call) -> VendorReply:
    return reply(200, resources.details(call.portal, call.quotas))


@_route("GET", "/account-info/{v}/api-usage/daily/private-apps")
def _usage(call: Call) -> VendorReply:
    return reply(200, resources.daily_usage(call.quotas, call.now))


@_route("GET", "/{prefix}/{v}/{app}/subscriptions")
def _subscriptions(call: Call) -> VendorReply:
    _require_app(call)
    return reply(200, {"results": call.portal.subscriptions})


@_route("POST", "/{prefix}/{v}/{app}/subscriptions")
def _subscribe(call: Call) -> VendorReply:
    _require_app(call)
    return reply(201, resources.subscribe(call.portal, call.body, call.now))


@_route("GET", "/{prefix}/{v}/{app}/settings")
def _settings(call: Call) -> VendorReply:
    _require_app(call)
    return reply(200, {"targetUrl": call.portal.target_url, "throttling": {"maxConcurrentRequests": 10}})


def _require_app(call: Call) -> None:
    if call.parts["prefix"] != WEBHOOK_PREFIX[call.version]:
        raise Refusal(404, "NOT_FOUND", "Unable to find any resource")
    if call.version == "2026-03":  # 2026-09 takes the developer key, which `Simulated` has checked
        _require_scopes(call, *APP_SCOPES)


def _subscriber(call: Call) -> str:
    """Return the address of the path; the channel is required."""
    if call.request.query.get("channel") != "EMAIL":
        raise Refusal(400, "VALIDATION_ERROR", "channel is required")
    return call.parts["email"]


def _kind(call: Call) -> str:
    kind = call.parts["kind"]
    if kind not in call.portal.records:
        raise Refusal(400, "VALIDATION_ERROR", f"Unable to infer object type from: {kind}")
    return kind
