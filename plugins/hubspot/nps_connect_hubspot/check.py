"""Account check of a portal. It only reads; the probe for write access sends an empty batch, which changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Literal

from nps_connect import Connection, Finding, NotAllowed, hookimpl
from nps_connect_hubspot.api import Api
from nps_connect_hubspot.settings import HubSpotSettings
from nps_connect_hubspot.setup import nps_plan_setup

LOW_QUOTA_SHARE = 0.1

POPULATION_EVENT = "schedule.due"
"""Kind of the events of recurring surveys, whose filters name contact properties."""

FILTER_OBJECTS = {"deal": "deals", "ticket": "tickets", "contact": "contacts", "schedule": "contacts"}
FieldType = Literal["text", "number", "boolean", "moment"]
FILTER_TYPES: Mapping[str, FieldType] = {
    "string": "text",
    "enumeration": "text",
    "phone_number": "text",
    "number": "number",
    "bool": "boolean",
    "date": "moment",
    "datetime": "moment",
}
"""Filter field type by HubSpot's property type; other types are not checked."""


@hookimpl
def nps_check(connection: Connection[HubSpotSettings]) -> Sequence[Finding]:
    """Check portal, token, scopes, quota, stages, contact properties, filters, webhooks and setup."""
    api = Api(connection, "check")
    findings = list(_portal(api))
    for part in (_scopes, _quota, _stages, _contact_properties, _filters, _webhooks, _setup_findings):
        findings += _run_check(part, api)
    return findings


def _run_check(part: Callable[[Api], Iterator[Finding]], api: Api) -> list[Finding]:
    """Return the findings of one part; a missing permission becomes a finding and does not end the check."""
    findings: list[Finding] = []
    try:
        findings.extend(part(api))
    except NotAllowed as error:
        fix = "add the scope to the key or app"
        findings.append(Finding(id="scope-missing", severity="warning", text=error.message, fix=fix))
    return findings


def _portal(api: Api) -> Iterator[Finding]:
    details, _ = api.details()
    portal_id, zone = details.get("portalId"), details.get("timeZone")
    yield Finding(
        severity="ok",
        text=f"portal {portal_id} ({details.get('accountType')}) at {details.get('uiDomain')}, time zone {zone}",
    )
    yield from _token(api)
    if api.settings.portal_id not in (None, portal_id):
        yield Finding(
            id="account-mismatch",
            severity="error",
            text=f"the token belongs to portal {portal_id}, but portal_id is {api.settings.portal_id}",
            fix="use a token of the right portal, or correct portal_id",
        )
    if isinstance(zone, str) and api.settings.portal_timezone != zone:
        yield Finding(
            id="account-mismatch",
            severity="warning",
            text=f"portal_timezone is {api.settings.portal_timezone or 'not set'}, the portal's is {zone}",
            fix=f'set portal_timezone = "{zone}", so that calls resume at its midnight after the daily limit',
        )


def _token(api: Api) -> Iterator[Finding]:
    if api.settings.access_token.get_secret_value().startswith("pat-"):
        yield Finding(severity="ok", text="the token is a service key, or the token of a private or project app")
    else:
        yield Finding(
            id="token-expiring",
            severity="warning",
            text="the token looks like an OAuth access token, which expires after 30 minutes",
            fix="create a service key in HubSpot (Development, Keys, Service keys) and use it",
        )


def _scopes(api: Api) -> Iterator[Finding]:
    """Probe every kind of call that the plugin makes, in its smallest form."""
    page = {"limit": 1}
    probes: list[tuple[str, Callable[[], object]]] = [
        ("read contacts", partial(api.get, api.paths.records("contacts"), params=page)),
        ("write scores", partial(_empty_batch, api, api.paths.batch("contacts", "update"))),
    ]
    others = [kind for kind in api.settings.listen_to if kind != "contacts"]
    probes += [(f"read {kind}", partial(api.get, api.paths.records(kind), params=page)) for kind in others]
    if api.settings.tasks:
        probes.append(("read tasks", partial(api.get, api.paths.records("tasks"), params=page)))
    missing = False
    for purpose, probe in probes:
        try:
            probe()
        except NotAllowed as error:
            missing = True
            fix = f"add {error.scope} to the key or app" if error.scope else "check the scopes of the key or app"
            text = f"not allowed to {purpose}: {error.message}"
            yield Finding(id="scope-missing", severity="error", text=text, fix=fix)
    if not missing:
        yield Finding(severity="ok", text=f"allowed to {', '.join(purpose for purpose, _ in probes)}")


def _empty_batch(api: Api, path: str) -> None:
    api.send("POST", path, {"inputs": []}, idempotent=True, accept=(400,))


def _quota(api: Api) -> Iterator[Finding]:
    response = api.get(api.paths.daily_usage, accept=(404,))
    yield from _burst(api, response.headers.get("x-hubspot-ratelimit-max", ""))
    body = _object(response.json_or_none())
    rows = body.get("results")
    usage = _object(rows[0]) if isinstance(rows, list) and rows else body
    used, limit = usage.get("currentUsage"), usage.get("usageLimit")
    if not isinstance(used, int) or not isinstance(limit, int) or limit <= 0:
        return
    text = f"{limit - used:,} of {limit:,} calls of today are left until {usage.get('resetsAt')}"
    if limit - used < limit * LOW_QUOTA_SHARE:
        fix = "find out which integrations use them, or lower quota_share"
        yield Finding(id="quota-low", severity="warning", text=text, fix=fix)
    else:
        yield Finding(severity="ok", text=text)


def _burst(api: Api, limit: str) -> Iterator[Finding]:
    """Compare the burst quota of the portal's tier with the configured one."""
    configured = api.settings.calls_per_ten_seconds
    if not limit.isdigit() or int(limit) == configured:
        return
    is_slow = int(limit) > configured
    yield Finding(
        id="connection-check" if is_slow else "account-mismatch",
        severity="ok" if is_slow else "warning",
        text=f"the portal allows {limit} calls in ten seconds, calls_per_ten_seconds is {configured}",
        fix=f"set calls_per_ten_seconds = {limit}"
        + (" to go faster" if is_slow else ", or HubSpot refuses the excess"),
    )


def _stages(api: Api) -> Iterator[Finding]:
    """A stage that no pipeline has would never trigger anything, without any error."""
    watched = {
        "deals": ("dealstage", "won_stages", api.settings.won_stages),
        "tickets": ("hs_pipeline_stage", "closed_ticket_stages", api.settings.closed_ticket_stages),
    }
    for kind, (name, setting, stages) in watched.items():
        if kind not in api.settings.listen_to:
            continue
        definition = _object(api.get(api.paths.definition(kind, name), accept=(404,)).json_or_none())
        label_by_stage = {
            str(option.get("value")): option.get("label")
            for option in map(_object, definition.get("options") or ())
            if option
        }
        unknown = [stage for stage in stages if stage not in label_by_stage]
        if label_by_stage and unknown:
            listed = ", ".join(f"{stage} ({label})" for stage, label in sorted(label_by_stage.items()))
            yield Finding(
                id="name-unknown",
                severity="error",
                text=f"no pipeline has the stage {', '.join(unknown)} of {setting}",
                fix=f"use the ids of existing stages: {listed}",
            )


def _contact_properties(api: Api) -> Iterator[Finding]:
    """A contact property that does not exist reads as empty: an opt-out would not be seen, without any error."""
    named = {
        "opt_out_properties": api.settings.opt_out_properties,
        "language_property": (api.settings.language_property,),
    }
    existing = _property_types(api, "contacts")
    for setting, names in named.items():
        for name in names:
            if name not in existing:
                yield Finding(
                    id="name-unknown",
                    severity="error",
                    text=f"contacts have no property {name} of {setting}",
                    fix=f"correct {setting}, or create the property in HubSpot",
                )
    mismatches = (use.mismatch(existing, "HubSpot") for use in api.connection.contact_fields)
    yield from filter(None, mismatches)


def _filters(api: Api) -> Iterator[Finding]:
    """Yield findings about the objects and properties of filters, with one call for each object type that they use."""
    for event in sorted({use.on for use in api.connection.filters} - {POPULATION_EVENT}):
        kind = FILTER_OBJECTS[event.partition(".")[0]]
        if kind not in api.settings.listen_to:
            yield Finding(
                id="trigger-never-fires",
                severity="error",
                text=f"a trigger waits for {event}, but listen_to has no {kind}",
                fix=f'add "{kind}" to listen_to',
            )
    filters = [use for use in api.connection.filters if use.fields]
    types_by_kind: dict[str, dict[str, FieldType | None]] = {}
    has_mismatch = False
    for use in filters:
        kind = FILTER_OBJECTS[use.on.partition(".")[0]]
        if kind not in types_by_kind:
            types_by_kind[kind] = _property_types(api, kind)
        for finding in use.mismatches(types_by_kind[kind], "HubSpot"):
            has_mismatch = True
            yield finding
    if filters and not has_mismatch:
        names = sorted({name for use in filters for name in use.fields})
        yield Finding(severity="ok", text=f"the properties that filters name exist: {', '.join(names)}")


def _property_types(api: Api, kind: str) -> dict[str, FieldType | None]:
    body = api.get(api.paths.definitions(kind)).json_or_none()
    rows = body.get("results") if isinstance(body, dict) else None
    return {str(row.get("name")): FILTER_TYPES.get(str(row.get("type"))) for row in rows or [] if isinstance(row, dict)}


def _webhooks(api: Api) -> Iterator[Finding]:
    settings = api.settings
    if settings.events != "webhook":
        return
    if settings.portal_id is None:
        yield Finding(
            id="webhooks-unrestricted",
            severity="warning",
            text="webhooks of any portal are accepted, because portal_id is not set",
            fix="set portal_id: an app has one address for all portals that install it",
        )
    older = [version for version in settings.signatures if version != "v3"]
    if older:
        yield Finding(
            id="webhooks-unrestricted",
            severity="warning",
            text=f"signatures of version {' and '.join(older)} are accepted; anybody who saw one can replay it",
            fix='remove "signatures", so that only v3 is accepted',
        )


def _setup_findings(api: Api) -> Iterator[Finding]:
    changes = nps_plan_setup(api.connection)
    if changes:
        listed = "; ".join(f"{change.id}: {change.text}" for change in changes)
        fix = f"run `nps-connect connections plan {api.connection.name}`, then `apply`"
        text = f"missing or different in HubSpot: {listed}"
        yield Finding(id="property-missing", severity="error", text=text, fix=fix)
    else:
        yield Finding(severity="ok", text="property group and properties exist")


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
