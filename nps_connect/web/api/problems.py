"""Problem details (RFC 9457): what the API returns for a request that it does not carry out."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from pydantic import ValidationError
from pydantic_core import to_json
from starlette.responses import Response

from nps_connect.records.api_results import ApiProblem, FieldProblem, Problem

PROBLEM_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:nps-connect:problem:"
MAX_ERRORS = 50
MAX_FIELD_LENGTH = 120

TITLES = {
    "unreadable": "The body is not JSON",
    "invalid": "The request is not valid",
    "media-type": "The body is not of type application/json",
    "too-large": "The body is too large",
    "too-slow": "The body did not arrive in time",
    "no-key": "A key is required",
    "unknown-key": "The key is not known",
    "expired-key": "The key has expired",
    "scope-missing": "The key lacks a scope",
    "external-id-used": "The external id belongs to another response",
    "not-found": "There is nothing here",
    "method": "The method is not allowed",
    "rate-limit": "Too many requests",
    "unavailable": "Not available now",
}
"""By kind; others are the phrase of their status."""


def problem_response(problem: ApiProblem, request_id: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return the response to a request that is refused."""
    body = Problem(
        type=TYPE_PREFIX + problem.kind,
        title=TITLES.get(problem.kind, HTTPStatus(problem.status).phrase),
        status=problem.status,
        detail=problem.detail,
        request_id=request_id,
        errors=tuple(FieldProblem(field=field, message=message) for field, message in problem.errors[:MAX_ERRORS]),
    )
    return Response(to_json(body), problem.status, {**(headers or {}), **problem.headers}, PROBLEM_TYPE)


def validation_problem(error: ValidationError) -> ApiProblem:
    """Return the problem of a body or query that its model refuses, without the refused values."""
    errors = error.errors(include_url=False, include_context=False, include_input=False)
    if any(entry["type"] == "json_invalid" for entry in errors):
        return ApiProblem(400, "unreadable", "the body is not a JSON document in UTF-8")
    fields = [(".".join(map(str, entry["loc"]))[:MAX_FIELD_LENGTH], entry["msg"]) for entry in errors]
    return ApiProblem(422, "invalid", "the request is not valid", errors=fields)
