"""Apply the mappings to their example payloads, and name the nearest path of the example where one finds nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from nps_connect import SettingsMistake
from nps_connect.builtin.webhook import values
from nps_connect.builtin.webhook.expressions import compile_expression, evaluate
from nps_connect.builtin.webhook.mapping import UnmappedEntry, find_kind, is_when_met, iter_entries
from nps_connect.builtin.webhook.settings import MappingSettings, WebhookSettings

MAX_SAMPLE_BYTES = 1_000_000
MAX_PATHS = 5000
"""Places of an example that are compared with a path at most."""

KeyPath = tuple[str | int, ...]
FieldPath = tuple[str, ...]


def find_settings_mistakes(settings: WebhookSettings, folder: Path) -> Sequence[SettingsMistake]:
    """Return what the mappings do not find in their example payloads.

    Args:
        settings: the connection's.
        folder: of the configuration file; paths of examples are relative to it.
    """
    mistakes: list[SettingsMistake] = []
    for index, mapping in enumerate(settings.mappings):
        if mapping.sample is None:
            continue
        key_path: KeyPath = ("incoming", "mappings", index)
        try:
            sample = _read_sample(folder / mapping.sample)
        except ValueError as error:
            mistakes.append(SettingsMistake(key_path=(*key_path, "sample"), problem=str(error)))
        else:
            mistakes += check_mapping(mapping, sample, key_path)
    return mistakes


def check_mapping(mapping: MappingSettings, sample: Any, key_path: KeyPath) -> list[SettingsMistake]:  # noqa: ANN401
    """Return what one mapping does not find in an example payload."""
    try:
        entries = [entry for _item, entry in iter_entries(mapping, sample)]
    except UnmappedEntry as error:
        return [_mistake((*key_path, "items"), error.expression, sample, "finds no list in the sample")]
    if not entries:
        return [SettingsMistake(key_path=(*key_path, "items"), problem="finds an empty list in the sample")]
    entry = next((entry for entry in entries if is_when_met(mapping, entry)), None)
    if entry is None:
        return [_mistake((*key_path, "when"), mapping.when or "", entries[0], "does not apply to the sample")]
    kind = mapping.kind
    mistakes = []
    if not isinstance(kind, str) and kind.expression is not None and find_kind(kind, entry, {}) is None:
        problem = "has a value in the sample that is not in values"
        mistakes.append(_mistake((*key_path, "kind", "expression"), kind.expression, entry, problem))
    for inner_path, expression, is_required in _expressions(mapping):
        value = evaluate(expression, entry)
        if value is None and (is_required or _missing_path(expression, entry) is not None):
            mistakes.append(_mistake((*key_path, *inner_path), expression, entry, "finds nothing in the sample"))
        elif value is not None and not _is_usable(mapping, inner_path, value):
            problem = "finds a value in the sample that cannot be used"
            mistakes.append(SettingsMistake(key_path=(*key_path, *inner_path), problem=problem))
    return mistakes


def _expressions(mapping: MappingSettings) -> Iterator[tuple[KeyPath, str, bool]]:
    """Yield the key path of each expression, the expression, and whether its value must not be empty."""
    yield ("object_id",), mapping.object_id, True
    if mapping.occurrence is not None:
        yield ("occurrence",), mapping.occurrence, True
    if isinstance(mapping.occurred_at, str):
        yield ("occurred_at",), mapping.occurred_at, True
    elif mapping.occurred_at is not None:
        yield ("occurred_at", "expression"), mapping.occurred_at.expression, True
    for name in ("id", "email", "name", "language"):
        expression = getattr(mapping.person, name)
        if expression is not None:
            yield ("person", name), expression, False
    for name, value in mapping.fields.items():
        if isinstance(value, str):
            yield ("fields", name), value, False
        else:
            yield ("fields", name, "expression"), value.expression, False


def _is_usable(mapping: MappingSettings, inner_path: KeyPath, value: Any) -> bool:  # noqa: ANN401  # JSON
    match inner_path:
        case ("object_id",):
            return values.as_id(value) is not None
        case ("occurrence",):
            return values.as_text(value) is not None
        case ("occurred_at", *_):
            zone = None if isinstance(mapping.occurred_at, str | None) else mapping.occurred_at.zone
            return values.as_moment(value, zone) is not None
        case ("person", "id"):
            return values.as_id(value) is not None
        case ("person", "email"):
            return values.as_email(value) is not None
        case ("person", "name"):
            return values.as_name(value) is not None
        case ("person", "language"):
            return values.as_language(value) is not None
        case ("fields", str(name), *_):
            return values.as_field(value, mapping.field(name).type) is not None
    return True


def _mistake(key_path: KeyPath, expression: str, content: Any, problem: str) -> SettingsMistake:  # noqa: ANN401  # JSON
    missing = _missing_path(expression, content)
    similar = _nearest_path(missing, content) if missing is not None else None
    return SettingsMistake(key_path=key_path, problem=problem, nearest=similar)


def _missing_path(expression: str, content: Any) -> FieldPath | None:  # noqa: ANN401  # JSON
    """Return the first path of an expression that the content does not have; None if it has all."""
    parsed = getattr(compile_expression(expression), "parsed", None)
    paths = list(_field_paths(parsed)) if isinstance(parsed, dict) else []
    return next((path for path in paths if path and not _has_path(content, path)), None)


def _field_paths(node: dict[str, Any]) -> list[FieldPath]:
    """Return the paths that a node of JMESPath's syntax tree reads, indexes left out."""
    children = [child for child in node.get("children", ()) if isinstance(child, dict)]
    match node["type"]:
        case "field":
            return [(node["value"],)]
        case "literal" | "current" | "identity" | "index" | "slice":
            return [()]
        case "subexpression" | "index_expression" | "projection" | "value_projection" | "flatten" | "pipe":
            paths: list[FieldPath] = [()]
            for child in children:
                paths = [(*before, *after) for before in paths for after in _field_paths(child)]
            return paths
        case "filter_projection":
            [left, right, condition] = children
            return [
                (*before, *after)
                for before in _field_paths(left)
                for after in (*_field_paths(right), *_field_paths(condition))
            ]
    return [path for child in children for path in _field_paths(child)]


def _has_path(content: Any, path: FieldPath) -> bool:  # noqa: ANN401  # JSON
    """Whether content has a key at a path, whatever its value; of a list, whether any item has."""
    if isinstance(content, list):
        return any(_has_path(item, path) for item in content)
    if not path:
        return True
    return isinstance(content, dict) and path[0] in content and _has_path_below(content[path[0]], path[1:])


def _has_path_below(content: Any, path: FieldPath) -> bool:  # noqa: ANN401  # JSON
    return not path or content is None or _has_path(content, path)


def _nearest_path(path: FieldPath, content: Any) -> str | None:  # noqa: ANN401  # JSON
    """Return the existing path that is most like a missing one, as an expression; None if none is like it."""
    expression_by_path: dict[str, str] = {}
    for steps in _iter_paths(content):
        names = [step for step in steps if isinstance(step, str)]
        expression_by_path.setdefault(".".join(names).casefold(), _format_path(steps))
        if len(expression_by_path) >= MAX_PATHS:
            break
    text = ".".join(path).casefold()
    matches = get_close_matches(text, expression_by_path, n=1)
    if not matches:
        last_name = path[-1].casefold()
        same_name = [candidate for candidate in expression_by_path if candidate.rpartition(".")[2] == last_name]
        matches = get_close_matches(text, same_name, n=1, cutoff=0.0)
    return expression_by_path[matches[0]] if matches else None


def _iter_paths(content: Any, steps: KeyPath = ()) -> Iterator[KeyPath]:  # noqa: ANN401  # JSON
    if isinstance(content, dict):
        for key, value in content.items():
            yield (*steps, key)
            yield from _iter_paths(value, (*steps, key))
    elif isinstance(content, list) and content:
        yield from _iter_paths(content[0], (*steps, 0))


def _format_path(steps: KeyPath) -> str:
    text = ""
    for step in steps:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            name = step if step.isidentifier() and step.isascii() else json.dumps(step)
            text += f".{name}" if text else name
    return text


def _read_sample(path: Path) -> Any:  # noqa: ANN401  # JSON
    """Return the content of an example file.

    Raises:
        ValueError: it cannot be read, is too large or no JSON object or list.
    """
    try:
        with path.open("rb") as stream:
            text = stream.read(MAX_SAMPLE_BYTES + 1)
        content = json.loads(text) if len(text) <= MAX_SAMPLE_BYTES else None
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror or 'not a usable path'}") from None
    except (ValueError, RecursionError):
        raise ValueError("is not a JSON file") from None
    if isinstance(content, dict | list):
        return content
    raise ValueError("is larger than 1 MB, or neither a JSON object nor a list")
