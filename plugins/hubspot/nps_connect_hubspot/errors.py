"""Parsing of HubSpot's error responses: quota and its end, missing scope, invalid property. Pure.

Format: https://developers.hubspot.com/docs/api-reference/error-handling. Every field is treated as optional, as HubSpot
requires. The vendor's own message is never repeated, because it may quote a contact's values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from nps_connect import (
    AuthFailed,
    DeliveryError,
    NotAllowed,
    RateLimited,
    Rejected,
    RetryLater,
    SetupMissing,
    TargetGone,
    VendorResponse,
)

TEN_SECONDS = timedelta(seconds=10)
ONE_SECOND = timedelta(seconds=1)
DAILY_LIMIT_PROBE_INTERVAL = timedelta(minutes=15)
_NAME = re.compile(r"^[A-Za-z0-9_.:-]{1,120}$")
_SETUP_ERRORS = {
    "PROPERTY_DOESNT_EXIST": "does not exist",
    "READ_ONLY_VALUE": "is read-only",
    "INVALID_OPTION": "lacks an option",
}
_TRANSIENT_CATEGORIES = {"INTERNAL_ERROR", "SERVICE_UNAVAILABLE", "TIMEOUT", "LOCKED", "RESOURCE_LOCKED"}
_GONE_CATEGORIES = {"OBJECT_NOT_FOUND", "NOT_FOUND"}


class DailyLimitReached(RateLimited):
    """The portal's daily calls are used up. `until` is a first estimate; the portal's midnight is better."""


def refine(error: DeliveryError, response: VendorResponse, now: datetime) -> DeliveryError:
    """Return the error that HubSpot's response body calls for, more precise than the status alone."""
    content = response.json_or_none()
    body = content if isinstance(content, dict) else {}
    if isinstance(error, RateLimited):
        return _rate_limited(error, body, now)
    if isinstance(error, NotAllowed):
        return _not_allowed(body)
    if isinstance(error, AuthFailed):
        return AuthFailed("HubSpot refuses the access token: it is wrong, has expired or was revoked")
    if isinstance(error, Rejected):
        return _property_error(body) or Rejected(_refusal(body, response.status))
    return error


def error_in_batch(entry: dict[str, Any]) -> DeliveryError:
    """Return the error that one entry of a batch's `errors` means for its records."""
    category = _text(entry.get("category"))
    if category in _GONE_CATEGORIES:
        return TargetGone("the record no longer exists in HubSpot")
    if category == "MISSING_SCOPES":
        return _not_allowed(entry)
    if category == "RATE_LIMITS":
        return RateLimited("HubSpot's quota ran out within a batch", after=TEN_SECONDS)
    if category in _TRANSIENT_CATEGORIES:
        return RetryLater(f"HubSpot could not process the record now ({category})", after=ONE_SECOND * 2)
    return _property_error(entry) or Rejected(_refusal(entry, None))


def record_ids(entry: dict[str, Any]) -> tuple[str, ...]:
    """Return the record ids that an error entry names (`context.ids`); empty if it names none."""
    context = entry.get("context")
    values: list[object] = []
    for key in ("ids", "id", "objectId"):
        value = context.get(key) if isinstance(context, dict) else None
        values += value if isinstance(value, list) else [value]
    return tuple(str(value) for value in values if isinstance(value, str | int) and not isinstance(value, bool))


def write_trace_ids(entry: dict[str, Any]) -> tuple[str, ...]:
    """Return the `objectWriteTraceId` of the inputs that an error entry of a batch is about."""
    context = entry.get("context")
    values = context.get("objectWriteTraceId") if isinstance(context, dict) else None
    return tuple(value for value in values if isinstance(value, str)) if isinstance(values, list) else ()


def _rate_limited(error: RateLimited, body: dict[str, Any], now: datetime) -> RateLimited:
    policy = _text(body.get("policyName"))
    message = _text(body.get("message")).lower()
    if policy == "DAILY" or "daily limit" in message:
        return DailyLimitReached(
            "HubSpot's daily calls are used up",
            after=DAILY_LIMIT_PROBE_INTERVAL,
            until=now + DAILY_LIMIT_PROBE_INTERVAL,
            quota="general",
        )
    if error.after is not None:
        return error
    is_secondly = policy == "SECONDLY" or ("secondly limit" in message and "ten_secondly" not in message)
    wait = ONE_SECOND if is_secondly and policy != "TEN_SECONDLY_ROLLING" else TEN_SECONDS
    return RateLimited("HubSpot's quota is used up", after=wait, until=now + wait, quota=error.quota)


def _not_allowed(body: dict[str, Any]) -> NotAllowed:
    scopes = sorted(set(_scopes(body)))
    if scopes:
        names = " or ".join(scopes)
        return NotAllowed(f"the HubSpot access token lacks the scope {names}: add it to the key or app", scope=names)
    return NotAllowed("HubSpot does not allow this call for the access token: check its scopes and its owner's rights")


def _scopes(body: dict[str, Any]) -> Iterator[str]:
    for part in [body, *_dicts(body.get("errors"))]:
        context = part.get("context")
        for key in ("requiredGranularScopes", "missingScopes", "requiredScopes"):
            for scope in (context.get(key) if isinstance(context, dict) else None) or ():
                if isinstance(scope, str) and _NAME.match(scope):
                    yield scope


def _property_error(body: dict[str, Any]) -> DeliveryError | None:
    """Return SetupMissing for a missing or locked property or option: it affects every record and holds the action."""
    for code, name in _property_problems(body):
        if code in _SETUP_ERRORS:
            return SetupMissing(
                f"HubSpot's property {name or '(not named)'} {_SETUP_ERRORS[code]}: run `nps-connect connections plan` "
                "and `apply` for this connection"
            )
    return None


def _property_problems(body: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for part in [body, *_dicts(body.get("errors"))]:
        code = next(
            (
                text
                for key in ("code", "error", "subCategory", "category")
                if (text := _text(part.get(key)).rpartition(".")[2]) in _SETUP_ERRORS
            ),
            "",
        )
        context = part.get("context")
        names = (context.get("propertyName") if isinstance(context, dict) else None) or part.get("name")
        name = names[0] if isinstance(names, list) and names else names
        if code:
            yield code, _safe(name)
        yield from _problems_in_message(_text(part.get("message")))


def _problems_in_message(message: str) -> Iterator[tuple[str, str]]:
    """Older responses contain the details as JSON inside a sentence: ``Property values were not valid: [...]``."""
    start = message.find("[{")
    if start < 0:
        return
    try:
        details = json.loads(message[start : message.rfind("]") + 1])
    except ValueError:
        return
    for detail in _dicts(details):
        yield _text(detail.get("error")), _safe(detail.get("name"))


def _refusal(body: dict[str, Any], status: int | None) -> str:
    category = _safe(body.get("category")) or (f"status {status}" if status else "no reason given")
    problems = sorted({f"{name} ({code})" for code, name in _property_problems(body) if name and _NAME.match(code)})
    return f"HubSpot refused the call ({category})" + (f": {', '.join(problems)}" if problems else "")


def _dicts(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _safe(value: object) -> str:
    text = _text(value)
    return text if _NAME.match(text) else ""
