"""HubSpot's response formats."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from nps_connect import VendorReply

JsonObject = dict[str, Any]


class Refusal(Exception):
    """A call that the portal refuses, with its response."""

    def __init__(self, status: int, category: str, message: str, **more: Any) -> None:  # noqa: ANN401
        super().__init__(message)
        self.status = status
        self.body: JsonObject = {"status": "error", "message": message, "category": category, **more}


def reply(status: int, content: object, headers: Mapping[str, str] | None = None) -> VendorReply:
    """Return a JSON reply; an empty one for None."""
    body = b"" if content is None else json.dumps(content).encode()
    return VendorReply(status, body, {"content-type": "application/json;charset=utf-8", **(headers or {})})


def correlation_id(number: int) -> str:
    """Return a request id, as HubSpot sends one with each response."""
    return str(uuid5(NAMESPACE_URL, f"simulated-hubspot/{number}"))


def missing_scopes(scopes: Sequence[str]) -> Refusal:
    """Return a 403 that names the scopes (https://github.com/HubSpot/hubspot-api-nodejs/issues/268)."""
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
        links={"scopes": "https://developers.hubspot.com/scopes"},
    )


def not_found(record_id: str | None = None) -> Refusal:
    """Return a 404 for a record or definition (https://developers.hubspot.com/docs/api-reference/error-handling)."""
    if record_id is None:
        return Refusal(404, "OBJECT_NOT_FOUND", "resource not found")
    text = "Object not found.  objectId are usually numeric."
    return Refusal(404, "OBJECT_NOT_FOUND", text, context={"id": [record_id]})


def invalid_values(errors: Sequence[JsonObject]) -> Refusal:
    """Return a 400 for property values; each error has `error`, `name` and `message`."""
    details = [{"isValid": False, **error, "localizedErrorMessage": error["message"]} for error in errors]
    return Refusal(
        400,
        "VALIDATION_ERROR",
        f"Property values were not valid: {json.dumps(details)}",
        errors=[
            {"message": error["message"], "code": error["error"], "context": {"propertyName": [error["name"]]}}
            for error in errors
        ],
    )


def batch_body(results: Sequence[JsonObject], errors: Sequence[JsonObject], at: str) -> JsonObject:
    """Return the body of a batch response; errors contain no input index."""
    body: JsonObject = {"status": "COMPLETE", "startedAt": at, "completedAt": at, "results": list(results)}
    if errors:
        body |= {"numErrors": len(errors), "errors": list(errors)}
    return body


def standard_error(category: str, message: str, context: Mapping[str, Sequence[str]]) -> JsonObject:
    """Return one entry of a batch's `errors`."""
    return {
        "status": "error",
        "category": category,
        "message": message,
        "context": {name: list(values) for name, values in context.items()},
        "errors": [],
        "links": {},
    }
