"""The OpenAPI document of the API, built by FastAPI from the table of endpoints and their models."""

from __future__ import annotations

import inspect
import re
from functools import lru_cache
from importlib.metadata import version
from typing import Annotated, Any

from fastapi import Body, FastAPI, Header, Path, Query
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from pydantic_core import to_json

from nps_connect.records.api_results import Problem
from nps_connect.records.api_scopes import SCOPE_DESCRIPTIONS
from nps_connect.settings.docstrings import describe_attribute, parse_docstring
from nps_connect.web.api.endpoints import ENDPOINTS, Endpoint
from nps_connect.web.api.problems import PROBLEM_TYPE

SECURITY_SCHEME = "key"
_REF = "#/components/schemas/{model}"
_READ_PROBLEMS = {
    401: "The key is missing, unknown or expired.",
    403: "The key lacks a scope.",
    404: "There is no such contact or case.",
    422: "The request is not valid; `errors` names the fields.",
    429: "The key made too many requests.",
    503: "Not available now; try again.",
}
_WRITE_PROBLEMS = {
    400: "The body is not JSON.",
    **_READ_PROBLEMS,
    404: "There is no such contact or case.",
    408: "The body did not arrive in time.",
    409: "Another request was made with this key, or the person or case cannot be changed.",
    413: "The body is too large.",
    415: "The body is not of type `application/json`.",
}
_HEADERS = {
    "X-Request-Id": {"description": "As sent, or new; also in the log.", "schema": {"type": "string"}},
    "RateLimit": {"description": "What is left for this key.", "schema": {"type": "string"}},
    "RateLimit-Policy": {"description": "How many requests a key may make.", "schema": {"type": "string"}},
}


@lru_cache(maxsize=1)
def render_openapi() -> bytes:
    """Return the document as JSON."""
    return to_json(build_openapi())


def build_openapi() -> dict[str, Any]:
    """Return the OpenAPI document."""
    app = FastAPI(
        title="nps_connect",
        version=version("nps-connect"),
        description="Events in, invitations and responses out. How to use it: docs/api.md.",
    )
    for endpoint in ENDPOINTS:
        app.add_api_route(
            endpoint.path,
            _signature_of(endpoint),
            methods=[endpoint.method],
            summary=endpoint.summary,
            description=f"{_text(endpoint.request)}\n\nScope: `{endpoint.scope}`.",
            operation_id=re.sub(r"\W+", "_", endpoint.summary).lower(),
            status_code=next(iter(endpoint.results)),
            response_model=next(iter(endpoint.results.values())),
            responses=_responses(endpoint),
            openapi_extra={"security": [{SECURITY_SCHEME: [endpoint.scope]}]},
        )
    document = app.openapi()
    _, problem = models_json_schema([(Problem, "serialization")], ref_template=_REF)
    document["components"]["schemas"] |= problem["$defs"]
    document["components"]["securitySchemes"] = {
        SECURITY_SCHEME: {
            "type": "http",
            "scheme": "bearer",
            "description": "A key of `nps-connect api-keys add`. Scopes: "
            + ", ".join(f"`{scope}` ({text})" for scope, text in SCOPE_DESCRIPTIONS.items()),
        }
    }
    _describe(document)
    return document


def _responses(endpoint: Endpoint) -> dict[int | str, dict[str, Any]]:
    problems = _READ_PROBLEMS if endpoint.method == "GET" else _WRITE_PROBLEMS
    content = {PROBLEM_TYPE: {"schema": {"$ref": _REF.format(model="Problem")}}}
    responses: dict[int | str, dict[str, Any]] = {
        status: {"description": text, "content": content, "headers": {"X-Request-Id": _HEADERS["X-Request-Id"]}}
        for status, text in problems.items()
    }
    for status, model in endpoint.results.items():
        described = "Nothing is new." if len(endpoint.results) > 1 and status == 200 else _text(model)
        responses[status] = {"model": model, "description": described, "headers": _HEADERS}
    return responses


def _signature_of(endpoint: Endpoint) -> Any:  # noqa: ANN401  # a function whose signature FastAPI reads
    """Return a function that takes what the endpoint takes. It is never called."""
    parameters: dict[str, Any] = {}
    if "{id}" in endpoint.path:
        text = "Id of the response." if "/cases/" in endpoint.path else "The id at the connection."
        parameters["id"] = Annotated[str, Path(min_length=1, max_length=200, description=text)]
    if endpoint.method == "GET":
        parameters["query"] = Annotated[endpoint.request, Query()]
    else:
        parameters["body"] = Annotated[endpoint.request, Body()]
        key = Header(alias="Idempotency-Key", pattern=r"^[A-Za-z0-9._:-]{1,200}$", description=_KEY_DESCRIPTION)
        parameters["idempotency_key"] = Annotated[str | None, key]
    request_id = Header(alias="X-Request-Id", description="Your id of the request, of letters, digits and `._-`.")
    parameters["request_id"] = Annotated[str | None, request_id]

    def operation(**_values: Any) -> None:  # noqa: ANN401
        raise NotImplementedError

    optional = {"idempotency_key", "request_id"}
    operation.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=None if name in optional else inspect.Parameter.empty,
                annotation=annotation,
            )
            for name, annotation in parameters.items()
        ]
    )
    return operation


_KEY_DESCRIPTION = "A repeated request with the same key has no second effect; kept for 24 hours."


def _text(model: type[BaseModel]) -> str:
    return " ".join(parse_docstring(model)[0].split())


def _describe(document: dict[str, Any]) -> None:
    """Replace the docstrings of the models, sections and all, by their texts, field by field."""
    models = {model.__name__: model for model in _subclasses(BaseModel) if model.__module__.startswith("nps_connect.")}
    for name, schema in document["components"]["schemas"].items():
        if name in models:
            schema["description"] = _text(models[name])
            for field, field_schema in schema.get("properties", {}).items():
                if text := describe_attribute(models[name], field):
                    field_schema["description"] = text
    for endpoint in ENDPOINTS:
        operation = document["paths"][endpoint.path][endpoint.method.lower()]
        for parameter in operation.get("parameters", ()):
            if text := describe_attribute(endpoint.request, parameter["name"]):
                parameter["description"] = text


def _subclasses(base: type[BaseModel]) -> set[type[BaseModel]]:
    return {base}.union(*(map(_subclasses, base.__subclasses__())))
