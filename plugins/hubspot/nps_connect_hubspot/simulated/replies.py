"""The shapes in which HubSpot answers and refuses."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from nps_connect import VendorReply

JsonObject = dict[str, Any]


class Refusal(Exception):
    """A call that the portal refuses, with the reply that says so."""

    def __init__(self, status: int, category: str, message: str, **more: Any) -> None:  # noqa: ANN401
        super().__init__(message)
        self.status = status
        self.body: JsonObject = {"status": "error", "message": message, "category": category, **more}


def reply(status: int, content: object, headers: Mapping[str, str] | None = None) -> VendorReply:
    """A JSON reply; no content for none."""
    body = b"" if content is None else json.dumps(content).encode()
    return VendorReply(status, body, {"content-type": "application/json;charset=utf-8", **(headers or {})})


def correlation_id(number: int) -> str:
    """The id of a request, as HubSpot gives one with each answer."""
    return str(uuid5(NAMESPACE_URL, f"simulated-hubspot/{number}"))


def missing_scopes(scopes: Sequence[str]) -> Refusal:
    """403 that names the scopes."""
    return Refusal(
        403,
        "MISSING_SCOPES",
        "This app hasn't been granted all required scopes to make this call.",
        errors=[
            {
                "message": "One or more of the following scopes are required.",
                "context": {"requiredGranularScopes": list(scopes)},
            }
        ],
    )


def not_found() -> Refusal:
    """404 for a record or definition."""
    return Refusal(404, "OBJECT_NOT_FOUND", "resource not found")


def invalid_values(faults: Sequence[JsonObject]) -> Refusal:
    """400 for property values; each fault has `error`, `name` and `message`."""
    details = [{"isValid": False, **fault, "localizedErrorMessage": fault["message"]} for fault in faults]
    return Refusal(
        400,
        "VALIDATION_ERROR",
        f"Property values were not valid: {json.dumps(details)}",
        errors=[
            {"message": fault["message"], "code": fault["error"], "context": {"propertyName": [fault["name"]]}}
            for fault in faults
        ],
    )


def batch_body(results: Sequence[JsonObject], errors: Sequence[JsonObject], at: str) -> JsonObject:
    """The body of a batch; errors hold no input index."""
    body: JsonObject = {"status": "COMPLETE", "startedAt": at, "completedAt": at, "results": list(results)}
    if errors:
        body |= {"numErrors": len(errors), "errors": list(errors)}
    return body


def standard_error(category: str, message: str, context: Mapping[str, Sequence[str]]) -> JsonObject:
    """One entry of a batch's `errors`."""
    return {
        "status": "error",
        "category": category,
        "message": message,
        "context": {name: list(values) for name, values in context.items()},
        "errors": [],
        "links": {},
    }
