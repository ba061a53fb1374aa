"""Settings sources: the TOML file, overlaid with environment variables, which take precedence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from nps_connect.errors import ConfigError
from nps_connect.settings.config_files import describe_variable
from nps_connect.settings.key_paths import KeyPath, format_key_path, model_keys, models_at, nearest, value_at
from nps_connect.settings.model import Settings
from nps_connect.settings.origins import ReferencedText

ENV_PREFIX = "NPS_CONNECT_"
ENV_SEPARATOR = "__"
TREE_FIELD = "tree"


class TreeSource(PydanticBaseSettingsSource):
    """A settings source that provides all values as one tree; pydantic-settings merges the trees of the sources."""

    def __init__(self, settings_cls: type[BaseSettings], tree: dict[str, Any]) -> None:
        super().__init__(settings_cls)
        self._tree = tree

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return the tree for the only field."""
        return self._tree, field_name, True

    def __call__(self) -> dict[str, Any]:
        """Return the values of this source."""
        return {TREE_FIELD: self._tree}


def merge_sources(table: dict[str, Any], environ: Mapping[str, str]) -> tuple[dict[str, Any], list[ConfigError]]:
    """Return the file's values overlaid with ``NPS_CONNECT_<SECTION>__<KEY>`` variables.

    Variable names are matched without case and with dashes as underscores, first with the keys of the file, then with
    those of the model. List positions count from 1. Values are texts; the model converts them.

    Args:
        table: the parsed file; it is not changed.
        environ: the environment.

    Returns:
        The merged values, and an error for each variable that matches no key.
    """
    overlay: dict[str, Any] = {}
    mistakes: list[ConfigError] = []
    for name in sorted(environ, key=lambda name: (name.count(ENV_SEPARATOR), name)):
        parts = name.removeprefix(ENV_PREFIX).split(ENV_SEPARATOR)
        if name.startswith(ENV_PREFIX) and (len(parts) > 1 or _match_key(parts[0], model_keys(Settings))):
            value = ReferencedText(
                environ[name],
                describe_variable(name, environ[name]),
                override=True,
                source=describe_variable(name, None),
            )
            mistake = _set_value(overlay, table, parts, value)
            mistakes += [mistake] if mistake is not None else []

    class MergedSettings(BaseSettings):
        tree: dict[str, Any] = {}

        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            *_args: PydanticBaseSettingsSource,
            **_named: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return TreeSource(settings_cls, overlay), TreeSource(settings_cls, table)

    return MergedSettings().tree, mistakes


def _set_value(
    overlay: dict[str, Any], table: dict[str, Any], parts: list[str], value: ReferencedText
) -> ConfigError | None:
    """Set one value, creating tables on the way; returns an error if a part of the variable name matches no key.

    A list of the file is copied into the overlay as a whole, because pydantic-settings replaces lists.
    """
    container: Any = overlay
    key_path: KeyPath = ()
    for part in parts:
        key = _find_key(part, container, value_at(table, key_path), key_path)
        if key is None:
            return _unknown_key_error(value.origin, part, value_at(table, key_path), key_path)
        key_path = (*key_path, key)
        if len(key_path) == len(parts):
            container[key] = value
            return None
        child = container.get(key) if isinstance(container, dict) else container[key]
        if isinstance(child, dict | list):
            child = child.copy()
        else:
            original = value_at(table, key_path)
            child = list(original) if isinstance(original, list) else {}
        container[key] = child
        container = child
    return None


def _find_key(part: str, container: object, original: object, key_path: KeyPath) -> str | int | None:
    if isinstance(container, list):
        index = int(part) - 1 if part.isascii() and part.isdigit() and len(part) < 5 else -1
        return index if 0 <= index < len(container) else None
    models = models_at(Settings, key_path)
    known_keys = [str(key) for key in original] if isinstance(original, dict) else []
    known_keys += [key for model in models for key in model_keys(model)]
    key = _match_key(part, known_keys)
    if key is None and part and not models:
        key = part.lower().replace("_", "-") if len(key_path) == 1 else part.lower()
    return key


def _match_key(part: str, keys: Iterable[str]) -> str | None:
    return next((key for key in keys if key.upper().replace("-", "_") == part.upper()), None)


def _unknown_key_error(where: str, part: str, original: object, key_path: KeyPath) -> ConfigError:
    if isinstance(original, list):
        problem = f"there is no {format_key_path(key_path)}.{part}"
        return ConfigError(problem, where=where, allowed=f"1 to {len(original)}")
    known_keys = [key for model in models_at(Settings, key_path) for key in model_keys(model)]
    return ConfigError(
        f"{part.lower()!r} is not a known key of {format_key_path(key_path) or 'the file'}",
        where=where,
        allowed=", ".join(sorted(known_keys)) or None,
        nearest=nearest(part.lower(), known_keys),
    )
