"""Generator of the settings reference."""

from __future__ import annotations

import ast
import inspect
import tomllib
from collections.abc import Iterator
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import get_args

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from nps_connect.connection import ConnectionSettings
from nps_connect.settings import delivery, digest, model, routes
from nps_connect.settings.docstrings import describe_attribute, parse_docstring
from nps_connect.settings.durations import format_duration

INTRODUCTION = """# Settings

Settings are read from one file, `nps-connect.toml`. `nps-connect config check` validates it and reports every mistake
with its key. Secrets are references, never values: `{ env = "NAME" }` or `{ file = "/run/secrets/name" }`. Every value
can also be set in the environment, with `__` between the parts of its key: `NPS_CONNECT_CORE__MODE=live`.

Durations are written as `30s`, `20m`, `2h`, `3d`, `1w` or `1d12h`. Names consist of lower-case letters, digits and
dashes."""
TABLES = {
    "`[core]`": model.Core,
    "`[surveys.<name>]`": model.Survey,
    "`[[surveys.<name>.follow_ups]]`": model.FollowUp,
    "`[surveys.<name>.population]`": model.Population,
    "`[[triggers]]`": model.Trigger,
    "`[limits]`": model.Limits,
    "`[reviews]`": model.Reviews,
    "`[cases]`": model.Cases,
    "`[recovery]`": model.Recovery,
    "`[teams.<name>]`": model.Team,
    "`[digest]`": digest.Digest,
    "`[api]`": model.Api,
    "`[assistants]`": model.Assistants,
    "`[[routes]]`": model.Route,
    "`[delivery]`": delivery.Delivery,
    "`[delivery.retry.<action>]`": delivery.Retry,
    "`[retention]`": delivery.Retention,
    "`[connections.<name>]`": ConnectionSettings,
}
TYPES = {
    "str": "text",
    "int": "whole number",
    "float": "number",
    "bool": "true or false",
    "Name": "name",
    "Dimensions": "table: text by name",
    "Duration": "duration",
    "IntervalField": "months, weeks or days",
    "Population": "table",
    "MailAddress": "e-mail address",
    "TimeZone": "IANA time zone",
    "Language": "language tag",
    "Expression": "JMESPath",
    "KindName": "kind of event",
    "FieldName": "name of a field",
    "HeaderName": "name of a header",
    "HttpUrl": "web address",
    "WebhookType": "[type of webhook](../webhooks.md#what-is-sent)",
    "SecretStr": "secret",
    "Segment": "segment",
    "Segments": "segment or list: segment",
    "Score": "score",
    "QuietHours": "hours or `off`",
    "None": "",
}


def render_page() -> str:
    """Return the page as Markdown: the tables of the core, then those of the built-in plugins."""
    tables = [render_table(title, settings) for title, settings in TABLES.items()]
    built_in: list[str] = []
    for info in load_builtin_plugins():
        built_in.append(render_table(f'`plugin = "{info.name}"` (built in)', info.settings))
        built_in += [
            render_table(f'`plugin = "{info.name}"`: table `{key}`', nested)
            for key, nested in find_nested_tables(info.settings)
        ]
    return "\n\n".join([INTRODUCTION, *tables, *built_in])


def load_builtin_plugins() -> Iterator[object]:
    """Yield the `ConnectorInfo` of each built-in plugin: those of pyproject.toml, whatever was installed before."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for _name, module in sorted(project["entry-points"]["nps_connect"].items()):
        yield import_module(module).nps_connector()


def find_nested_tables(settings: type[BaseModel], key: str = "") -> Iterator[tuple[str, type[BaseModel]]]:
    """Yield the models inside a settings model, at any depth, with the dotted key of each; each model once."""
    seen: set[type[BaseModel]] = set()
    for name, field in settings.model_fields.items():
        for model_class in _models_in(field.annotation):
            if model_class not in seen:
                seen.add(model_class)
                yield f"{key}{name}", model_class
                yield from find_nested_tables(model_class, f"{key}{name}.")


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)


def render_table(title: str, settings: type[BaseModel]) -> str:
    """Return the section of one table: its keys with type, default and meaning."""
    text, _ = parse_docstring(settings)
    rows = [f"## {title}", text, "| key | type | default | meaning |\n| --- | --- | --- | --- |"]
    inherited = ConnectionSettings.model_fields if settings is not ConnectionSettings else {}
    for name, field in settings.model_fields.items():
        if name in inherited and issubclass(settings, ConnectionSettings):
            continue
        cells = (
            f"`{field.alias or name}`",
            describe_type(settings, name),
            describe_default(field),
            describe_attribute(settings, name),
        )
        rows[-1] += "\n| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
    return "\n\n".join(rows)


def describe_type(settings: type[BaseModel], name: str) -> str:
    """Return the annotation of a setting in words."""
    owner = next(owner for owner in inspect.getmro(settings) if name in inspect.get_annotations(owner))
    return render_type(ast.parse(str(inspect.get_annotations(owner)[name]), mode="eval").body)


def render_type(node: ast.expr) -> str:
    """Return an annotation in words; types without a word are shown as code."""
    if isinstance(node, ast.BinOp):
        return " or ".join(word for word in (render_type(node.left), render_type(node.right)) if word)
    if isinstance(node, ast.Constant):
        return TYPES.get(str(node.value), f"`{node.value}`")
    if isinstance(node, ast.Subscript):
        inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        outer = ast.unparse(node.value)
        if outer == "Annotated":
            return render_type(inner[0])
        if outer == "Literal":
            return ", ".join(f"`{ast.literal_eval(word)}`" for word in inner)
        if outer == "tuple":
            return f"list: {render_type(inner[0])}"
        if outer == "dict":
            return f"table: {render_type(inner[1])} by {render_type(inner[0])}"
    written = ast.unparse(node)
    alias = getattr(model, written, getattr(routes, written, None))
    if written not in TYPES and alias is not None and hasattr(alias, "__args__"):
        return ", ".join(TYPES[word.__name__] if isinstance(word, type) else f"`{word}`" for word in alias.__args__)
    return "table" if written.endswith("Settings") else TYPES.get(written, f"`{written}`")


def describe_default(field: FieldInfo) -> str:
    """Return the default as written in the configuration file."""
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, timedelta):
        return f"`{format_duration(value)}`"
    if isinstance(value, SecretStr):
        return f"`{value.get_secret_value()}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if value is None or value in ((), {}):
        return "none"
    return f"`{list(value)}`" if isinstance(value, tuple) else f"`{value}`"
