"""HubSpot's refusals, read: which quota and until when, which scope, which property. Pure.

Shapes: https://developers.hubspot.com/docs/api-reference/error-handling. Every field is treated as optional, as HubSpot
asks. Nothing of the vendor's own message is repeated, for it may quote a contact's values.
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
    """The portal's calls of the day are used up. `until` is a first guess: the portal's midnight is better."""


def refine(error: DeliveryError, answer: VendorResponse, now: datetime) -> DeliveryError:
    """HubSpot's own reading of a refused call, better than the status alone."""
    body = answer.json_or_none()
    told = body if isinstance(body, dict) else {}
    if isinstance(error, RateLimited):
        return _rate_limited(error, told, now)
    if isinstance(error, NotAllowed):
        return _not_allowed(told)
    if isinstance(error, AuthFailed):
        return AuthFailed("HubSpot refuses the access token: it is wrong, has expired or was revoked")
    if isinstance(error, Rejected):
        return _property_error(told) or Rejected(_refusal(told, answer.status))
    return error


def error_in_batch(told: dict[str, Any]) -> DeliveryError:
    """What one entry of a batch's `errors` means for the records that it concerns."""
    category = _text(told.get("category"))
    if category in _GONE_CATEGORIES:
        return TargetGone("the record is not there any more in HubSpot")
    if category == "MISSING_SCOPES":
        return _not_allowed(told)
    if category == "RATE_LIMITS":
        return RateLimited("HubSpot's quota ran out within a batch", after=TEN_SECONDS)
    if category in _TRANSIENT_CATEGORIES:
        return RetryLater(f"HubSpot could not handle the record now ({category})", after=ONE_SECOND * 2)
    return _property_error(told) or Rejected(_refusal(told, None))


def record_ids(told: dict[str, Any]) -> tuple[str, ...]:
    """The record ids that an error names, if it names any (`context.ids`)."""
    context = told.get("context")
    values: list[object] = []
    for key in ("ids", "id", "objectId"):
        value = context.get(key) if isinstance(context, dict) else None
        values += value if isinstance(value, list) else [value]
    return tuple(str(value) for value in values if isinstance(value, str | int) and not isinstance(value, bool))


def _rate_limited(error: RateLimited, told: dict[str, Any], now: datetime) -> RateLimited:
    policy = _text(told.get("policyName"))
    message = _text(told.get("message")).lower()
    if policy == "DAILY" or "daily limit" in message:
        return DailyLimitReached(
            "HubSpot's calls of the day are used up",
            after=DAILY_LIMIT_PROBE_INTERVAL,
            until=now + DAILY_LIMIT_PROBE_INTERVAL,
            quota="general",
        )
    if error.after is not None:
        return error
    secondly = policy == "SECONDLY" or ("secondly limit" in message and "ten_secondly" not in message)
    wait = ONE_SECOND if secondly and policy != "TEN_SECONDLY_ROLLING" else TEN_SECONDS
    return RateLimited("HubSpot's quota is used up", after=wait, until=now + wait, quota=error.quota)


def _not_allowed(told: dict[str, Any]) -> NotAllowed:
    scopes = sorted(set(_scopes(told)))
    if scopes:
        named = " or ".join(scopes)
        return NotAllowed(f"the HubSpot access token lacks the scope {named}: add it to the key or app", scope=named)
    return NotAllowed("HubSpot does not allow this call for the access token: check its scopes and its owner's rights")


def _scopes(told: dict[str, Any]) -> Iterator[str]:
    for part in [told, *_dicts(told.get("errors"))]:
        context = part.get("context")
        for key in ("requiredGranularScopes", "missingScopes", "requiredScopes"):
            for scope in (context.get(key) if isinstance(context, dict) else None) or ():
                if isinstance(scope, str) and _NAME.match(scope):
                    yield scope


def _property_error(told: dict[str, Any]) -> DeliveryError | None:
    """A property that is missing, locked or lacks an option stops every record: hold the action until it is mended."""
    for code, name in _property_problems(told):
        if code in _SETUP_ERRORS:
            return NotAllowed(
                f"HubSpot's property {name or 'in question'} {_SETUP_ERRORS[code]}: run `nps-connect connections plan` and "
                "`apply` for this connection"
            )
    return None


def _property_problems(told: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for part in [told, *_dicts(told.get("errors"))]:
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
    """Older answers carry the details as JSON inside the sentence: ``Property values were not valid: [...]``."""
    start = message.find("[{")
    if start < 0:
        return
    try:
        details = json.loads(message[start : message.rfind("]") + 1])
    except ValueError:
        return
    for detail in _dicts(details):
        yield _text(detail.get("error")), _safe(detail.get("name"))


def _refusal(told: dict[str, Any], status: int | None) -> str:
    category = _safe(told.get("category")) or (f"status {status}" if status else "no reason given")
    named = sorted({f"{name} ({code})" for code, name in _property_problems(told) if name and _NAME.match(code)})
    return f"HubSpot refused the call ({category})" + (f": {', '.join(named)}" if named else "")


def _dicts(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _safe(value: object) -> str:
    text = _text(value)
    return text if _NAME.match(text) else ""
