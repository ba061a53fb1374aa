"""Generator of the JSON Schema of outgoing webhooks."""

from __future__ import annotations

import json
from typing import Any

from pydantic.json_schema import models_json_schema

from nps_connect.records.webhooks import WEBHOOK_DATA

SCHEMA_ID = "https://json-schema.org/draft/2020-12/schema"


def render_schema() -> str:
    """Return the schema of a request's body as JSON text: one alternative for each type."""
    models = sorted(set(WEBHOOK_DATA.values()), key=lambda model: model.__name__)
    references, definitions = models_json_schema([(model, "serialization") for model in models])
    alternatives: list[dict[str, Any]] = [
        {
            "title": webhook_type,
            "type": "object",
            "properties": {
                "type": {"const": webhook_type},
                "timestamp": {"type": "string", "format": "date-time"},
                "data": references[model, "serialization"],
            },
            "required": ["type", "timestamp", "data"],
        }
        for webhook_type, model in WEBHOOK_DATA.items()
    ]
    schema = {"$schema": SCHEMA_ID, "title": "nps_connect webhook", "oneOf": alternatives, **definitions}
    return json.dumps(_open(schema), indent=2, ensure_ascii=False)


def _open(node: Any) -> Any:  # noqa: ANN401  # any JSON
    """Return the schema without the ban on other properties, since later versions may add some, and without patterns.

    The patterns of texts are for pydantic; other validators do not know their syntax.
    """
    if isinstance(node, list):
        return [_open(value) for value in node]
    if not isinstance(node, dict):
        return node
    kept = {key: _open(value) for key, value in node.items() if key not in ("additionalProperties", "pattern")}
    if "anyOf" in kept:
        alternatives = [value for index, value in enumerate(kept["anyOf"]) if value not in kept["anyOf"][:index]]
        kept = {**kept, "anyOf": alternatives} if len(alternatives) > 1 else {**kept, **alternatives[0]}
        if len(alternatives) == 1:
            del kept["anyOf"]
    return kept
