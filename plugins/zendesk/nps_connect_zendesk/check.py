"""Checking the account: signed in, allowed, quota left, set up, and nothing that mails customers by itself."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from email.utils import parsedate_to_datetime

from nps_connect import Connection, DeliveryError, Finding, NotAllowed, RetryLater, VendorResponse, hookimpl
from nps_connect_zendesk.api import API_PATH
from nps_connect_zendesk.business_rules import mailing_rules
from nps_connect_zendesk.filter_check import filter_findings
from nps_connect_zendesk.name_lookup import ResourceKind, lookup_id
from nps_connect_zendesk.setup import differences
from nps_connect_zendesk.users import STAFF_ROLES
from nps_connect_zendesk.webhook_setup import find_webhook

ACTION = "check"
API_TOKEN_END_DATE = date(2027, 4, 30)
"""Zendesk switches all API tokens off: documentation/api-basics/authentication/oauth-migration/."""

MAX_CLOCK_SKEW = timedelta(seconds=60)
REQUIRED_WRITE_SCOPES = ("tickets:write", "users:write")


@hookimpl
def nps_check(connection: Connection) -> Sequence[Finding]:
    """Everything that can be told without changing anything.

    Raises:
        DeliveryError: the account cannot be reached, or does not know us.
    """
    answer = connection.http.call("GET", f"{API_PATH}/users/me", action=ACTION, idempotent=True)
    findings = [*_identity(answer), *_credential(connection), *_quota(answer), *_clock(connection, answer)]
    for look in (_scopes, _tickets, _export, _names, _filters, _setup, _webhook, _business_rules):
        try:
            findings += look(connection)
        except NotAllowed as error:
            scope = f"scope {error.scope}" if error.scope else "the permission"
            fix = f"give the token {scope}, or the agent behind it a role that has it"
            findings.append(_failure_finding(look, error, fix))
        except RetryLater as error:
            findings.append(_failure_finding(look, error, "the rest was not looked at: run the check again later"))
            break
        except DeliveryError as error:
            findings.append(_failure_finding(look, error, "look at the address and the version of the account's API"))
    return findings


def _failure_finding(look: Callable[[Connection], Iterator[Finding]], error: DeliveryError, fix: str) -> Finding:
    what = look.__name__.strip("_").replace("_", " ")
    return Finding(severity="error", text=f"{what}: {error.message}", fix=fix)


def _identity(answer: VendorResponse) -> Iterator[Finding]:
    user = (answer.json_or_none() or {}).get("user") or {}
    role = user.get("role")
    if role in STAFF_ROLES:
        yield Finding(severity="ok", text=f"signed in as {role}")
    else:
        text = f"signed in as {role or 'nobody'}: only agents and admins may open tickets for others"
        yield Finding(severity="error", text=text, fix="use a token of an agent or admin")


def _credential(connection: Connection) -> Iterator[Finding]:
    if connection.settings.api_token is None:
        return
    left = (API_TOKEN_END_DATE - connection.clock().date()).days
    fix = "make an OAuth client in Admin Center (Apps and integrations, APIs) and set client_id and client_secret"
    if left < 0:
        yield Finding(severity="error", text=f"Zendesk has switched API tokens off on {API_TOKEN_END_DATE}", fix=fix)
    else:
        text = f"the connection signs in with an API token; Zendesk switches these off on {API_TOKEN_END_DATE} ({left} days)"
        yield Finding(severity="warning", text=text, fix=fix)


def _quota(answer: VendorResponse) -> Iterator[Finding]:
    limit = answer.headers.get("x-rate-limit") or answer.headers.get("ratelimit-limit") or ""
    left = answer.headers.get("x-rate-limit-remaining") or answer.headers.get("ratelimit-remaining") or ""
    if not (limit.isdigit() and left.isdigit()):
        return
    text = f"{left} of {limit} calls left this minute"
    if int(left) * 10 < int(limit):
        yield Finding(severity="warning", text=text, fix="other integrations use the quota up: lower their pace")
    else:
        yield Finding(severity="ok", text=text)


def _clock(connection: Connection, answer: VendorResponse) -> Iterator[Finding]:
    try:
        theirs = parsedate_to_datetime(answer.headers.get("date", ""))
    except ValueError:
        return
    if theirs.tzinfo is not None and abs(connection.clock() - theirs) > MAX_CLOCK_SKEW:
        text = "this machine's clock differs from Zendesk's by more than a minute: webhooks would look stale"
        yield Finding(severity="warning", text=text, fix="set the clock by NTP")


def _scopes(connection: Connection) -> Iterator[Finding]:
    if connection.settings.api_token is not None:
        return
    answer = connection.http.call(
        "GET", f"{API_PATH}/oauth/tokens/current", action=ACTION, idempotent=True, accept=(400, 403, 404, 422)
    )
    token = (answer.json_or_none() or {}).get("token") if answer.status == 200 else None
    if not isinstance(token, dict) or not isinstance(token.get("scopes"), list):
        return
    scopes = {str(scope) for scope in token["scopes"]}
    missing = [scope for scope in REQUIRED_WRITE_SCOPES if scope not in scopes and "write" not in scopes]
    if missing:
        text = f"the token lacks the scope {', '.join(missing)}"
        yield Finding(severity="error", text=text, fix="make a token with these scopes")
    else:
        yield Finding(severity="ok", text=f"scopes: {' '.join(sorted(scopes))}")


def _tickets(connection: Connection) -> Iterator[Finding]:
    params = {"external_id": "nps-check"}
    connection.http.call("GET", f"{API_PATH}/tickets", action=ACTION, idempotent=True, params=params)
    yield Finding(severity="ok", text="tickets can be read")


def _export(connection: Connection) -> Iterator[Finding]:
    if connection.settings.events != "poll":
        return
    params: dict[str, str | int] = {"start_time": int(connection.clock().timestamp()) - 120, "per_page": 1}
    path = f"{API_PATH}/incremental/tickets/cursor"
    connection.http.call("GET", path, action=ACTION, idempotent=True, params=params, quota="export")
    yield Finding(severity="ok", text="the ticket export can be read")


def _names(connection: Connection) -> Iterator[Finding]:
    settings = connection.settings
    named: list[tuple[str, ResourceKind, int | str | None]] = [
        ("group", "groups", settings.group),
        ("brand", "brands", settings.brand),
        ("ticket_form", "ticket_forms", settings.ticket_form),
        *(("exclude.groups", "groups", group) for group in settings.exclude.groups),
        *(("exclude.forms", "ticket_forms", form) for form in settings.exclude.forms),
    ]
    for key, kind, value in named:
        if value is not None and lookup_id(connection, kind, value, action=ACTION) is None:
            text = f"{key}: Zendesk has no {kind.replace('_', ' ').rstrip('s')} {value!r}"
            yield Finding(severity="error", text=text, fix=f"correct {key}, or name its number")


def _filters(connection: Connection) -> Iterator[Finding]:
    yield from filter_findings(connection, action=ACTION)


def _setup(connection: Connection) -> Iterator[Finding]:
    missing = list(differences(connection))
    for wanted in missing:
        fix = None if wanted.change == "blocked" else f"run 'nps-connect connections apply {connection.name}'"
        yield Finding(severity="warning", text=f"not set up: {wanted.text}", fix=fix or "change it by hand")
    if not missing:
        yield Finding(severity="ok", text="set-up is complete")


def _webhook(connection: Connection) -> Iterator[Finding]:
    webhook = find_webhook(connection, action=ACTION) if connection.settings.events == "webhook" else None
    if webhook is None:
        return
    path = f"{API_PATH}/webhooks/{webhook['id']}"
    answer = connection.http.call_json("GET", f"{path}/signing_secret", action=ACTION, idempotent=True)
    secret = str((answer.get("signing_secret") or {}).get("secret") or "").encode()
    ours = [one.get_secret_value().encode() for one in connection.settings.webhook_secrets]
    if not any(hmac.compare_digest(secret, one) for one in ours):
        fix = "Admin Center, Webhooks, Reveal secret: put it where webhook_secret points"
        yield Finding(severity="error", text="webhook_secret is not the webhook's signing secret", fix=fix)
    yield _last_invocation(connection, path)


def _last_invocation(connection: Connection, path: str) -> Finding:
    params = {"sort": "-latest_completed_at", "page[size]": 1}
    answer = connection.http.call_json("GET", f"{path}/invocations", action=ACTION, idempotent=True, params=params)
    last = next(iter(answer.get("invocations") or []), None)
    if last is None:
        return Finding(severity="ok", text="the webhook was not called in the last days")
    when = _error_detail(last.get("latest_completed_at"))
    if last.get("status_code") in (None, 200) and last.get("status") != "failed":
        return Finding(severity="ok", text=f"the webhook was last called {when} and answered")
    text = f"the webhook's last call ({when}) failed with {last.get('status_code') or last.get('status')}"
    return Finding(severity="warning", text=text, fix="look at Admin Center, Webhooks, Activity, and at public_url")


def _error_detail(value: object) -> str:
    try:
        return datetime.fromisoformat(str(value)).isoformat(sep=" ", timespec="minutes")
    except ValueError:
        return "at an unknown time"


def _business_rules(connection: Connection) -> Iterator[Finding]:
    for kind, title in mailing_rules(connection, action=ACTION):
        yield Finding(
            severity="warning",
            text=f"the {kind} {title!r} would write to the requester of our tickets",
            fix="add to its conditions: Tags, contains none of the following, nps_connect",
        )
