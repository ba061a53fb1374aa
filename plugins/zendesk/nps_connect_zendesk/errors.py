"""Refinement of errors by Zendesk's response bodies; the client's outcome table has classified them by status.

Error bodies have five formats: ``{"error": "RecordInvalid", "description", "details"}``,
``{"error": {"title", "message"}}``, ``{"errors": [{"code", "title", "detail"}]}``, OAuth's
``{"error", "error_description"}``, and plain text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from nps_connect import (
    AuthFailed,
    DeliveryError,
    NotAllowed,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    RetryLater,
    TargetGone,
    VendorResponse,
)

DEFAULT_PAUSE = timedelta(seconds=60)
"""Pause after a 429 that names no time: endpoint limits return plain text without `Retry-After`."""

MAX_QUOTE_LENGTH = 300
_SCOPES = re.compile(r"required scopes?: *([\w:.-]+(?:, *[\w:.-]+)*)")
_REQUESTER_ERROR = re.compile(r"(?i)\b(requester|suspended|is not a valid e-?mail|not properly formatted)\b")


class RequesterRejected(Rejected):
    """The person cannot be the requester: suspended, or without a valid address."""


class ValuesRejected(Rejected):
    """Zendesk rejects values of the record.

    Args:
        details: names of the rejected fields.
    """

    def __init__(self, message: str, *, details: tuple[str, ...] = (), **more: object) -> None:
        super().__init__(message, **more)  # type: ignore[arg-type]
        self.details = details


class IdempotencyKeyReused(Rejected):
    """The idempotency key was already used with another body."""


@dataclass(frozen=True)
class ErrorBody:
    """Content of an error body in any format.

    Attributes:
        code: the vendor's name of the error, or empty.
        text: its readable sentences, for people.
        fields: the record's fields that it names.
    """

    code: str
    text: str
    fields: tuple[str, ...] = ()


def parse_error(response: VendorResponse) -> ErrorBody:
    """Parse an error body of any of the known formats."""
    body = response.json_or_none()
    if not isinstance(body, dict):
        text = response.body[: MAX_QUOTE_LENGTH * 2].decode("utf-8", "replace").strip()
        return ErrorBody("", "" if "<" in text[:200] else " ".join(text.split())[:MAX_QUOTE_LENGTH])
    details = body.get("details")
    fields = tuple(str(name) for name in details) if isinstance(details, dict) else ()
    text = "; ".join(dict.fromkeys(_sentences(body)))
    return ErrorBody(_code(body), " ".join(text.split())[:MAX_QUOTE_LENGTH], fields)


def _code(body: dict[str, object]) -> str:
    error = body.get("error")
    if isinstance(error, str):
        return error
    if isinstance(error, dict):
        return str(error.get("title") or "")
    errors = body.get("errors")
    if isinstance(errors, list) and errors and isinstance(errors[0], dict):
        return str(errors[0].get("code") or errors[0].get("title") or "")
    return ""


def _sentences(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        for key in ("description", "error_description", "message", "detail", "title"):
            value = node.get(key)
            if isinstance(value, str) and value:
                yield value
        for key in ("error", "errors", "details"):
            yield from _sentences(node.get(key))
        yield from (sentence for value in node.values() if isinstance(value, list) for sentence in _sentences(value))
    elif isinstance(node, list):
        for item in node:
            yield from _sentences(item)


def refine(error: DeliveryError, response: VendorResponse, now: datetime) -> DeliveryError:
    """Return the error that Zendesk's response body calls for: with scope, quota, pause and cause where known."""
    body = parse_error(response)
    if isinstance(error, RateLimited):
        return _rate_limited(error, body, now)
    if isinstance(error, OutcomeUnknown):
        return error
    message = f"{error.message}: {body.text}" if body.text else error.message
    if isinstance(error, RetryLater):
        return type(error)(message, after=error.after)
    if isinstance(error, AuthFailed):
        return AuthFailed(message)
    if isinstance(error, NotAllowed):
        scopes = _SCOPES.search(body.text)
        return NotAllowed(message, scope=scopes.group(1) if scopes else None)
    if isinstance(error, TargetGone):
        return _not_found(message, response)
    return _rejected(message, body, response.status)


def _rate_limited(error: RateLimited, body: ErrorBody, now: datetime) -> RateLimited:
    after = error.after if error.after is not None else DEFAULT_PAUSE
    message = f"{error.message}: {body.text}" if body.text else error.message
    return RateLimited(message, after=after, until=now + after, quota=error.quota)


def _not_found(message: str, response: VendorResponse) -> DeliveryError:
    if b"help desk" in response.body[:4000].lower() and response.json_or_none() is None:
        return AuthFailed(f"{message}; there is no Zendesk account at this address: check subdomain")
    return TargetGone(message)


def _rejected(message: str, body: ErrorBody, status: int) -> DeliveryError:
    if body.code == "IdempotentRequestError":
        return IdempotencyKeyReused(message)
    if body.code == "unavailable":
        return RetryLater(message)
    if body.code == "invalid_grant":
        return AuthFailed(message)
    if status == 422:
        is_about_person = {"requester", "requester_id", "email"} & set(body.fields) or _REQUESTER_ERROR.search(
            body.text
        )
        return RequesterRejected(message) if is_about_person else ValuesRejected(message, details=body.fields)
    return Rejected(message)
