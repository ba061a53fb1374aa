"""Account check: authentication, permissions, quota, setup, and rules that would mail customers."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

from nps_connect import Connection, DeliveryError, Finding, NotAllowed, RetryLater, VendorResponse, hookimpl
from nps_connect_zendesk.api import API_PATH, load_rows
from nps_connect_zendesk.business_rules import mailing_rules
from nps_connect_zendesk.export import latest_start, load_export
from nps_connect_zendesk.name_lookup import ResourceKind, lookup_id
from nps_connect_zendesk.settings import ZendeskSettings
from nps_connect_zendesk.setup import differences
from nps_connect_zendesk.users import STAFF_ROLES, USER_ATTRIBUTES
from nps_connect_zendesk.webhook_setup import find_webhook

ACTION = "check"
TOKEN_WARNING = timedelta(days=14)
REQUIRED_WRITE_SCOPES = ("tickets:write", "users:write")

FieldType = Literal["text", "number", "boolean", "moment"]
FILTER_TYPES: Mapping[str, FieldType] = {
    "text": "text",
    "textarea": "text",
    "regexp": "text",
    "tagger": "text",
    "multiselect": "text",
    "integer": "number",
    "decimal": "number",
    "checkbox": "boolean",
    "date": "moment",
}
"""Filter field type by Zendesk's type of a custom field; other types are not checked."""

POPULATION_EVENT = "schedule.due"
"""Kind of the events of recurring surveys, whose filters name fields of users."""

TICKET_ATTRIBUTES: Mapping[str, FieldType] = {
    "allow_attachments": "boolean",
    "allow_channelback": "boolean",
    "created_at": "moment",
    "custom_status_id": "number",
    "description": "text",
    "due_at": "moment",
    "has_incidents": "boolean",
    "is_public": "boolean",
    "problem_id": "number",
    "raw_subject": "text",
    "recipient": "text",
    "requester_id": "number",
    "subject": "text",
    "submitter_id": "number",
    "ticket_form_id": "number",
    "updated_at": "moment",
    "url": "text",
}
"""Ticket attributes beyond the fields of every event (Zendesk's reference of the Ticket object)."""


@hookimpl
def nps_check(connection: Connection[ZendeskSettings]) -> Sequence[Finding]:
    """Return all findings; the check only reads.

    Raises:
        DeliveryError: the account cannot be reached, or rejects the credentials.
    """
    response = connection.http.call("GET", f"{API_PATH}/users/me", action=ACTION, idempotent=True)
    findings = [*_identity(response), *_quota(response)]
    for part in (_scopes, _tickets, _export, _names, _filters, _contact_fields, _setup, _webhook, _business_rules):
        try:
            findings += part(connection)
        except NotAllowed as error:
            scope = f"scope {error.scope}" if error.scope else "the permission"
            fix = f"give the token {scope}, or the agent behind it a role that has it"
            findings.append(_failure_finding("scope-missing", part, error, fix))
        except RetryLater as error:
            fix = "the check stopped here: run it again later"
            findings.append(_failure_finding("vendor-unreachable", part, error, fix))
            break
        except DeliveryError as error:
            fix = "check the address and the version of the account's API"
            findings.append(_failure_finding("connection-check", part, error, fix))
    return findings


def _failure_finding(
    finding_id: str, part: Callable[[Connection[ZendeskSettings]], Iterator[Finding]], error: DeliveryError, fix: str
) -> Finding:
    name = part.__name__.strip("_").replace("_", " ")
    return Finding(id=finding_id, severity="error", text=f"{name}: {error.message}", fix=fix)


def _identity(response: VendorResponse) -> Iterator[Finding]:
    user = (response.json_or_none() or {}).get("user") or {}
    role = user.get("role")
    if role in STAFF_ROLES:
        yield Finding(severity="ok", text=f"authenticated as {role}")
    else:
        text = f"authenticated as {role or 'an unknown user'}: only agents and admins may open tickets for others"
        yield Finding(id="scope-missing", severity="error", text=text, fix="use a token of an agent or admin")


def _quota(response: VendorResponse) -> Iterator[Finding]:
    headers = response.headers
    limit = headers.get("x-rate-limit") or headers.get("ratelimit-limit") or ""
    remaining = headers.get("x-rate-limit-remaining") or headers.get("ratelimit-remaining") or ""
    if not (limit.isdigit() and remaining.isdigit()):
        return
    text = f"{remaining} of {limit} calls left this minute"
    if int(remaining) * 10 < int(limit):
        fix = "other integrations use up the quota: slow them down"
        yield Finding(id="quota-low", severity="warning", text=text, fix=fix)
    else:
        yield Finding(severity="ok", text=text)


def _scopes(connection: Connection[ZendeskSettings]) -> Iterator[Finding]:
    if connection.settings.api_token is not None:
        return
    response = connection.http.call(
        "GET", f"{API_PATH}/oauth/tokens/current", action=ACTION, idempotent=True, accept=(400, 403, 404, 422)
    )
    token = (response.json_or_none() or {}).get("token") if response.status == 200 else None
    if not isinstance(token, dict) or not isinstance(token.get("scopes"), list):
        return
    scopes = {str(scope) for scope in token["scopes"]}
    missing = [scope for scope in REQUIRED_WRITE_SCOPES if scope not in scopes and "write" not in scopes]
    if missing:
        text = f"the token lacks the scope {', '.join(missing)}"
        yield Finding(id="scope-missing", severity="error", text=text, fix="create a token with these scopes")
    else:
        yield Finding(severity="ok", text=f"scopes: {' '.join(sorted(scopes))}")
    yield from _expiry(connection, token.get("expires_at"))


def _expiry(connection: Connection[ZendeskSettings], expires_at: object) -> Iterator[Finding]:
    """Yield the end of a fixed token; those of an OAuth client renew themselves."""
    if connection.settings.access_token is None or not isinstance(expires_at, str):
        return
    try:
        left = datetime.fromisoformat(expires_at) - connection.clock()
    except (ValueError, TypeError):  # no date, or one without a zone
        return
    if left < TOKEN_WARNING:
        text = f"access_token expires on {expires_at[:10]} ({max(left.days, 0)} days)"
        yield Finding(id="token-expiring", severity="warning", text=text, fix="create a new token, and set it")


def _tickets(connection: Connection[ZendeskSettings]) -> Iterator[Finding]:
    params = {"external_id": "nps-check"}
    connection.http.call("GET", f"{API_PATH}/tickets", action=ACTION, idempotent=True, params=params)
    yield Finding(severity="ok", text="tickets can be read")


def _export(connection: Connection[ZendeskSettings]) -> Iterator[Finding]:
    if connection.settings.events != "poll":
        return
    start = latest_start(connection, action=ACTION)
    load_export(connection, "tickets", {"start_time": start, "per_page": 1}, action=ACTION)
    yield Finding(severity="ok", text="the ticket export can be read")


def _names(connection: Connection[ZendeskSettings]) -> Iterator[Finding]:
    settings = connection.settings
    names: list[tuple[str, ResourceKind, int | str | None]] = [
        ("group", "groups", settings.group),
        ("brand", "brands", settings.brand),
        ("ticket_form", "ticket_forms", settings.ticket_form),
        *(("exclude.groups", "groups", group) for group in settings.exclude.groups),
        *(("exclude.forms", "ticket_forms", form) for form in settings.exclude.forms),
    ]
    for key, kind, value in names:
        if value is not None and lookup_id(connection, kind, value, action=ACTION) is None:
            text = f"{key}: Zendesk has no {kind.replace('_', ' ').rstrip('s')} {value!r}"
            yield Finding(id="name-unknown", severity="error", text=text, fix=f"correct {key}, or use its number")


def _filters(connection: Connection[ZendeskSettings]) -> Iterator[Finding]:
    """Check the fields that filters name; the account's fields are read only if a filter names any."""
    populations = [use for use in connection.filters if use.fields and use.on == POPULATION_EVENT]
    if populations:
        custom = load_rows(connection, "/user_fields", "user_fields", action=ACTION)
        user_fields = {str(row.get("key")): FILTER_TYPES.get(str(row.get("type"))) for row in custom}
        fields_of_users = {**dict.fromkeys((*USER_ATTRIBUTES, "tags"), None), **user_fields}
        yield from (finding for use in populations for finding in use.mismatches(fields_of_users, "Zendesk"))
    filters = [use for use in connection.filters if use.fields and use.on != POPULATION_EVENT]
    if not filters:
        return
    custom_fields = {
        f"field_{row['id']}": FILTER_TYPES.get(str(row.get("type")))
        for row in load_rows(connection, "/ticket_fields", "ticket_fields", action=ACTION)
    }
    fields = {**TICKET_ATTRIBUTES, **custom_fields}
    mismatches = [finding for use in filters for finding in use.mismatches(fields, "Zendesk")]
    yield from mismatches
    if not mismatches:
        names = sorted({name for use in filters for name in use.fields})
        yield Finding(severity="ok", text=f"the ticket fields that filters name exist: {', '.join(names)}")


def _contact_fields(connection: Connection[ZendeskSettings]) -> Iterator[Finding]:
    """Check the user fields that settings of the core name; the fields are read only if one does."""
    if not connection.contact_fields:
        return
    rows = load_rows(connection, "/user_fields", "user_fields", action=ACTION)
    names = {*USER_ATTRIBUTES, "tags", *(str(row.get("key")) for row in rows)}
    mismatches = (use.mismatch(names, "Zendesk") for use in connection.contact_fields)
    yield from filter(None, mismatches)


def _setup(connection: Connection[ZendeskSettings]) -> Iterator[Finding]:
    missing = list(differences(connection))
    for difference in missing:
        fix = None if difference.change == "blocked" else f"run 'nps-connect connections apply {connection.name}'"
        text = f"not set up: {difference.text}"
        yield Finding(id="setup-missing", severity="warning", text=text, fix=fix or "change it by hand")
    if not missing:
        yield Finding(severity="ok", text="setup is complete")


def _webhook(connection: Connection[ZendeskSettings]) -> Iterator[Finding]:
    webhook = find_webhook(connection, action=ACTION) if connection.settings.events == "webhook" else None
    if webhook is None:
        return
    path = f"{API_PATH}/webhooks/{webhook['id']}"
    response = connection.http.call_json("GET", f"{path}/signing_secret", action=ACTION, idempotent=True)
    secret = str((response.get("signing_secret") or {}).get("secret") or "").encode()
    configured = [value.get_secret_value().encode() for value in connection.settings.webhook_secrets]
    if not any(hmac.compare_digest(secret, value) for value in configured):
        fix = "Admin Center, Webhooks, Reveal secret: store it where webhook_secret points"
        text = "webhook_secret is not the webhook's signing secret"
        yield Finding(id="webhooks-refused", severity="error", text=text, fix=fix)
    yield _last_invocation(connection, path)


def _last_invocation(connection: Connection[ZendeskSettings], path: str) -> Finding:
    params = {"sort": "-latest_completed_at", "page[size]": 1}
    response = connection.http.call_json("GET", f"{path}/invocations", action=ACTION, idempotent=True, params=params)
    last = next(iter(response.get("invocations") or []), None)
    if last is None:
        return Finding(severity="ok", text="the webhook was not called in the last days")
    when = _completion_time(last.get("latest_completed_at"))
    if last.get("status_code") in range(200, 300):  # an invocation that timed out has no status code
        return Finding(severity="ok", text=f"the webhook's last call ({when}) succeeded")
    text = f"the webhook's last call ({when}) failed with {last.get('status_code') or last.get('status')}"
    fix = "see Admin Center, Webhooks, Activity, and check public_url"
    return Finding(id="webhooks-failing", severity="warning", text=text, fix=fix)


def _completion_time(value: object) -> str:
    try:
        return datetime.fromisoformat(str(value)).isoformat(sep=" ", timespec="minutes")
    except ValueError:
        return "at an unknown time"


def _business_rules(connection: Connection[ZendeskSettings]) -> Iterator[Finding]:
    for kind, title in mailing_rules(connection, action=ACTION):
        yield Finding(
            id="automation-mails-customers",
            severity="warning",
            text=f"the {kind} {title!r} would notify the requester of our tickets",
            fix="add to its conditions: Tags, contains none of the following, nps_connect",
        )
