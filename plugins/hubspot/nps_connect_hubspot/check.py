"""Is this portal ready? Reads only; a probe for writing sends an empty batch, which changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from functools import partial
from typing import Any

from nps_connect import Connection, Finding, NotAllowed, hookimpl
from nps_connect_hubspot.api import Api
from nps_connect_hubspot.filter_check import filter_findings
from nps_connect_hubspot.setup import nps_plan_setup

SKEW_WARNING_SECONDS = 60.0
SKEW_ERROR_SECONDS = 270.0
"""Seconds; HubSpot's webhooks are believed for 300."""

LOW_QUOTA_SHARE = 0.1
SUNSET_WARNING_DAYS = 180


@hookimpl
def nps_check(connection: Connection) -> Sequence[Finding]:
    """The portal, the token and its scopes, the quota, the clock, the version's end, stages, filters and the set-up."""
    api = Api(connection, "check")
    findings = list(_portal(api))
    for part in (_scopes, _quota, _stages, filter_findings, _version, _webhooks, _setup_findings):
        findings += _run_check(part, api)
    return findings


def _run_check(part: Callable[[Api], Iterator[Finding]], api: Api) -> list[Finding]:
    """A part that the token may not see is a finding, not the end of the check."""
    found: list[Finding] = []
    try:
        found.extend(part(api))
    except NotAllowed as error:
        found.append(Finding(severity="warning", text=error.message, fix="add the scope to the key or app"))
    return found


def _portal(api: Api) -> Iterator[Finding]:
    told, theirs = api.details()
    portal_id, zone = told.get("portalId"), told.get("timeZone")
    yield Finding(
        severity="ok",
        text=f"portal {portal_id} ({told.get('accountType')}) at {told.get('uiDomain')}, time zone {zone}",
    )
    yield from _token(api)
    if api.settings.portal_id not in (None, portal_id):
        yield Finding(
            severity="error",
            text=f"the token belongs to portal {portal_id}, but portal_id is {api.settings.portal_id}",
            fix="use a token of the right portal, or correct portal_id",
        )
    if isinstance(zone, str) and api.settings.portal_timezone != zone:
        yield Finding(
            severity="warning",
            text=f"portal_timezone is {api.settings.portal_timezone or 'not set'}, the portal's is {zone}",
            fix=f'set portal_timezone = "{zone}", so that a used-up daily limit is waited for until its midnight',
        )
    yield from _clock(api, theirs)


def _token(api: Api) -> Iterator[Finding]:
    if api.settings.access_token.get_secret_value().startswith("pat-"):
        yield Finding(severity="ok", text="the token is a service key, or that of a private or project app")
    else:
        yield Finding(
            severity="warning",
            text="the token looks like an OAuth access token, which lasts 30 minutes",
            fix="create a service key in HubSpot (Development, Keys, Service keys) and use it",
        )


def _clock(api: Api, theirs: datetime | None) -> Iterator[Finding]:
    if theirs is None:
        return
    skew = abs((api.connection.clock() - theirs).total_seconds())
    if skew > SKEW_WARNING_SECONDS:
        yield Finding(
            severity="error" if skew > SKEW_ERROR_SECONDS else "warning",
            text=f"this machine's clock and HubSpot's are {skew:.0f} seconds apart; webhooks are believed for 300",
            fix="let the machine's clock follow a time server",
        )
    else:
        yield Finding(severity="ok", text=f"clock within {skew:.0f} seconds of HubSpot's")


def _scopes(api: Api) -> Iterator[Finding]:
    """Every call that the product makes, in its smallest form."""
    page = {"limit": 1}
    probes: list[tuple[str, Callable[[], object]]] = [
        ("read contacts", partial(api.get, api.paths.records("contacts"), params=page)),
        ("write scores", partial(_empty_batch, api, api.paths.batch("contacts", "update"))),
    ]
    others = [kind for kind in api.settings.listen_to if kind != "contacts"]
    probes += [(f"read {kind}", partial(api.get, api.paths.records(kind), params=page)) for kind in others]
    missing = False
    for purpose, probe in probes:
        try:
            probe()
        except NotAllowed as error:
            missing = True
            fix = f"add {error.scope} to the key or app" if error.scope else "check the scopes of the key or app"
            yield Finding(severity="error", text=f"not allowed to {purpose}: {error.message}", fix=fix)
    if not missing:
        yield Finding(severity="ok", text=f"allowed to {', '.join(purpose for purpose, _ in probes)}")


def _empty_batch(api: Api, path: str) -> None:
    api.send("POST", path, {"inputs": []}, idempotent=True, accept=(400,))


def _quota(api: Api) -> Iterator[Finding]:
    answer = api.get(api.paths.daily_usage, accept=(404,))
    yield from _burst(api, answer.headers.get("x-hubspot-ratelimit-max", ""))
    told = _object(answer.json_or_none())
    rows = told.get("results")
    usage = _object(rows[0]) if isinstance(rows, list) and rows else told
    used, limit = usage.get("currentUsage"), usage.get("usageLimit")
    if not isinstance(used, int) or not isinstance(limit, int) or limit <= 0:
        return
    text = f"{limit - used:,} of {limit:,} calls of today are left, until {usage.get('resetsAt')}"
    if limit - used < limit * LOW_QUOTA_SHARE:
        yield Finding(severity="warning", text=text, fix="see which integrations use them, or lower quota_share")
    else:
        yield Finding(severity="ok", text=text)


def _burst(api: Api, told: str) -> Iterator[Finding]:
    """The tier's burst quota against the one that the settings assume."""
    assumed = api.settings.calls_per_ten_seconds
    if not told.isdigit() or int(told) == assumed:
        return
    slow = int(told) > assumed
    yield Finding(
        severity="ok" if slow else "warning",
        text=f"the portal allows {told} calls in ten seconds, calls_per_ten_seconds is {assumed}",
        fix=f"set calls_per_ten_seconds = {told}" + (" to go faster" if slow else ", or HubSpot refuses the excess"),
    )


def _stages(api: Api) -> Iterator[Finding]:
    """A stage that no pipeline has would never trigger anything, silently."""
    watched = {
        "deals": ("dealstage", "won_stages", api.settings.won_stages),
        "tickets": ("hs_pipeline_stage", "closed_ticket_stages", api.settings.closed_ticket_stages),
    }
    for kind, (name, setting, stages) in watched.items():
        if kind not in api.settings.listen_to:
            continue
        told = _object(api.get(api.paths.definition(kind, name), accept=(404,)).json_or_none())
        known = {
            str(option.get("value")): option.get("label")
            for option in map(_object, told.get("options") or ())
            if option
        }
        unknown = [stage for stage in stages if stage not in known]
        if known and unknown:
            listed = ", ".join(f"{stage} ({title})" for stage, title in sorted(known.items()))
            yield Finding(
                severity="error",
                text=f"no pipeline has the stage {', '.join(unknown)} of {setting}",
                fix=f"use the ids of stages that exist: {listed}",
            )


def _version(api: Api) -> Iterator[Finding]:
    year, month = map(int, api.paths.supported_until.split("-"))
    left = (date(year, month, 1) - api.connection.clock().date()).days
    text = f"API version {api.paths.version} is supported until {api.paths.supported_until} at least"
    if left < SUNSET_WARNING_DAYS:
        yield Finding(severity="warning" if left > 0 else "error", text=text, fix="choose a newer api_version")
    else:
        yield Finding(severity="ok", text=text)


def _webhooks(api: Api) -> Iterator[Finding]:
    settings = api.settings
    if settings.events != "webhook":
        return
    if settings.portal_id is None:
        yield Finding(
            severity="warning",
            text="webhooks of any portal are taken, because portal_id is not set",
            fix="set portal_id: an app has one address for all portals that install it",
        )
    older = [version for version in settings.signatures if version != "v3"]
    if older:
        yield Finding(
            severity="warning",
            text=f"signatures of version {' and '.join(older)} are accepted, which anybody who saw one can send again",
            fix='leave "signatures" out, so that only v3 is accepted',
        )


def _setup_findings(api: Api) -> Iterator[Finding]:
    changes = nps_plan_setup(api.connection)
    if changes:
        names = ", ".join(change.id for change in changes)
        fix = f"run `nps-connect connections plan {api.connection.name}`, then `apply`"
        yield Finding(severity="error", text=f"missing or different in HubSpot: {names}", fix=fix)
    else:
        yield Finding(severity="ok", text="property group and properties are there")


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
