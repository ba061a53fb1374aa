"""The JSON Schema of the configuration with the installed plugins, for editors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from nps_connect.plugins import Plugins
from nps_connect.settings.docstrings import describe_attribute, parse_docstring
from nps_connect.settings.model import Settings

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TARGET = {"type": "string", "minLength": 1}
REFERENCE: JsonSchemaValue = {
    "description": 'Reads the value from the environment or a file: { env = "NAME" } or { file = "path" }.',
    "type": "object",
    "properties": {"env": TARGET, "file": TARGET},
    "additionalProperties": False,
    "minProperties": 1,
    "maxProperties": 1,
}
TO_REFERENCE: JsonSchemaValue = {"$ref": "#/$defs/reference"}


def build_config_schema(plugins: Plugins) -> dict[str, Any]:
    """Return the schema: it knows the keys, types and words of the core and of each plugin, not what tables name.

    Args:
        plugins: the installed plugins.
    """
    infos = sorted(plugins.infos.values(), key=lambda info: info.name)
    models: list[type[BaseModel]] = [Settings, *(info.settings for info in infos)]
    references, combined = models_json_schema(
        [(model, "validation") for model in models], by_alias=True, schema_generator=_SchemaGenerator
    )
    definitions = combined["$defs"]
    root = definitions.pop(references[Settings, "validation"]["$ref"].rpartition("/")[2])
    tables = {info.name: references[info.settings, "validation"] for info in infos}
    [pattern] = root["properties"]["connections"]["patternProperties"]
    root["properties"]["connections"]["patternProperties"] = {pattern: _connection_schema(tables)}
    root["description"] = "Configuration of nps-connect."
    return {"$schema": DIALECT, "title": "nps-connect.toml", **root, "$defs": {**definitions, "reference": REFERENCE}}


def _connection_schema(tables: Mapping[str, JsonSchemaValue]) -> JsonSchemaValue:
    """Return the schema of one connection, whose other keys depend on its plugin."""
    return {
        "type": "object",
        "properties": {"plugin": {"enum": list(tables), "description": "Name of the plugin."}},
        "required": ["plugin"],
        "allOf": [
            {"if": {"properties": {"plugin": {"const": name}}, "required": ["plugin"]}, "then": table}
            for name, table in tables.items()
        ],
    }


class _SchemaGenerator(GenerateJsonSchema):
    """Describes tables and keys by their docstrings, and allows references where the loader resolves them."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """Return the schema of a table."""
        table = super().model_schema(schema)
        model = schema["cls"]
        table["description"] = parse_docstring(model)[0]
        for name, field in model.model_fields.items():
            key = field.alias or name
            value = _allow_reference(table["properties"][key])
            meaning = describe_attribute(model, name)
            table["properties"][key] = {**value, "description": meaning} if meaning else value
        return table

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """Return the schema of the value alone: TOML has no null."""
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Return the schema with its default, where that is a value of its own that may be shown."""
        default = schema.get("default")
        if default is None or isinstance(default, SecretStr):
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """Return the schema of a table with names for keys; other keys are mistakes."""
        table = super().dict_schema(schema)
        return {**table, "additionalProperties": False} if "patternProperties" in table else table

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401  # one of pydantic's many types
        """Return that no key has a title: it would repeat its name."""
        return False


def _allow_reference(value: JsonSchemaValue) -> JsonSchemaValue:
    """Return the schema of a value that may also be a reference; a secret must be one."""
    if value.get("writeOnly"):
        return TO_REFERENCE
    if "$ref" in value:
        return value
    if value.get("type") == "object":
        for container in ("patternProperties", "properties"):
            if container in value:
                items = {key: _allow_reference(item) for key, item in value[container].items()}
                value = {**value, container: items}
        return value
    if value.get("type") == "array" and "items" in value:
        value = {**value, "items": _allow_reference(value["items"])}
        return value if "$ref" in value["items"] and value["items"] != TO_REFERENCE else _either(value)
    return _either(value)


def _either(value: JsonSchemaValue) -> JsonSchemaValue:
    default = {"default": value["default"]} if "default" in value else {}
    without_default = {key: item for key, item in value.items() if key != "default"}
    return {"anyOf": [*without_default.pop("anyOf", [without_default]), TO_REFERENCE], **default}
