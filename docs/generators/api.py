"""The page ``docs/reference/api.md``: every endpoint with its scope, fields and responses."""

from __future__ import annotations

from typing import Any

from nps_connect.records.api_requests import ApiModel, PersonReference
from nps_connect.records.api_scopes import SCOPE_DESCRIPTIONS
from nps_connect.settings.docstrings import describe_attribute
from nps_connect.web.api.endpoints import ENDPOINTS, Endpoint
from nps_connect.web.api.openapi import build_openapi
from nps_connect.web.api.problems import TITLES, TYPE_PREFIX

INTRODUCTION = """# API

The endpoints below `/api/v1`, from the same table as the server and its OpenAPI document, `/api/v1/openapi.json`.
How to use them: [API](../api.md)."""


def render_page() -> str:
    """Return the page as Markdown."""
    document = build_openapi()
    scopes = [f"| `{scope}` | {text} |" for scope, text in SCOPE_DESCRIPTIONS.items()]
    kinds = [f"| `{TYPE_PREFIX}{kind}` | {title} |" for kind, title in TITLES.items()]
    return "\n\n".join(
        [
            INTRODUCTION,
            "## Scopes",
            "\n".join(["| scope | allows |", "| --- | --- |", *scopes]),
            "## Problems",
            "Errors are `application/problem+json` (RFC 9457). Other kinds than these have the phrase of their status.",
            "\n".join(["| type | title |", "| --- | --- |", *kinds]),
            "## People in requests",
            _render_fields("field", PersonReference, document["components"]["schemas"]["PersonReference"]),
            *(_render_endpoint(endpoint, document) for endpoint in ENDPOINTS),
        ]
    )


def _render_endpoint(endpoint: Endpoint, document: dict[str, Any]) -> str:
    operation = document["paths"][endpoint.path][endpoint.method.lower()]
    schemas = document["components"]["schemas"]
    parts = [f"## {endpoint.method} {endpoint.path}", f"{operation['description']}"]
    if endpoint.method == "GET":
        parts.append(_render_fields("query", endpoint.request, endpoint.request.model_json_schema()))
    else:
        parts.append(_render_fields("field", endpoint.request, schemas[endpoint.request.__name__]))
    for status, result in endpoint.results.items():
        fields = ", ".join(f"`{name}`" for name in schemas[result.__name__]["properties"])
        parts.append(f"Response {status}, {result.__name__}: {fields}.")
    return "\n\n".join(parts)


def _render_fields(heading: str, model: type[ApiModel], schema: dict[str, Any]) -> str:
    required = set(schema.get("required", ()))
    rows = [
        f"| `{name}` | {_type_name(field)} | {'yes' if name in required else ''} | {describe_attribute(model, name)} |"
        for name, field in schema["properties"].items()
    ]
    return "\n".join([f"| {heading} | type | required | meaning |", "| --- | --- | --- | --- |", *rows])


def _type_name(schema: dict[str, Any]) -> str:
    """Return the type of a field in a few words."""
    if "anyOf" in schema:
        return " or ".join(_type_name(choice) for choice in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if schema.get("format") == "date-time":
        return "moment"
    return {"array": "list", "object": "object", "null": "null"}.get(schema["type"], str(schema["type"]))
