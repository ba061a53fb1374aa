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
from nps_connect_hubspot.simulated.replies import JsonObject, Refusal, missing_scopes, reply
from nps_connect_hubspot.simulated.search import search

VERSIONS = "2026-03|2026-09"
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
        body = objects.read(call.portal, kind, call.body, call.request.query.get("archived") == "true")
        return reply(_batch_status(call, body, 200), body)
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
    records = [record for record in call.portal.records[_kind(call)].values() if not record.archived]
    limit = int(call.request.query.get("limit", "10"))
    return reply(200, {"results": [record.to_json(()) for record in records[:limit]]})


@_route("POST", "/crm/objects/{v}/{kind}")
def _create(call: Call) -> VendorReply:
    _require_object_scope(call, _kind(call), "write")
    return reply(201, objects.create_one(call.portal, _kind(call), call.body, call.now))


@_route("GET", "/crm/objects/{v}/{kind}/{id}")
def _read(call: Call) -> VendorReply:
    _require_object_scope(call, _kind(call), "read")
    record = call.portal.find(_kind(call), call.parts["id"], call.request.query.get("idProperty"))
    return reply(200, record.to_json(call.request.query.get("properties", "").split(",")))


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
    return reply(200, resources.statuses(call.portal, call.parts["email"]))


@_route("POST", "/communication-preferences/{v}/statuses/{email}")
def _set_status(call: Call) -> VendorReply:
    _require_scopes(call, "communication_preferences.write", "subscriptions-status-write")
    return reply(200, resources.set_status(call.portal, call.parts["email"], call.body))


@_route("GET", "/communication-preferences/{v}/statuses/{email}/unsubscribe-all")
def _unsubscribed(call: Call) -> VendorReply:
    _require_scopes(call, "communication_preferences.read", "subscriptions-status-read")
    return reply(200, resources.unsubscribed_from_all(call.portal, call.parts["email"]))


@_route("POST", "/communication-preferences/{v}/statuses/{email}/unsubscribe-all")
def _unsubscribe(call: Call) -> VendorReply:
    _require_scopes(call, "communication_preferences.write", "subscriptions-status-write")
    return reply(200, resources.unsubscribe_from_all(call.portal, call.parts["email"], call.now))


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
    return reply(201, resources.subscribe(call.portal, call.body))


@_route("GET", "/{prefix}/{v}/{app}/settings")
def _settings(call: Call) -> VendorReply:
    _require_app(call)
    return reply(200, {"targetUrl": call.portal.target_url, "throttling": {"maxConcurrentRequests": 10}})


def _require_app(call: Call) -> None:
    if call.parts["prefix"] != WEBHOOK_PREFIX[call.version]:
        raise Refusal(404, "NOT_FOUND", "Unable to find any resource")
    _require_scopes(call, "developer-app")


def _kind(call: Call) -> str:
    kind = call.parts["kind"]
    if kind not in call.portal.records:
        raise Refusal(400, "VALIDATION_ERROR", f"Unable to infer object type from: {kind}")
    return kind
