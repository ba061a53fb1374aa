"""Where values come from: the TOML file, and the environment, which wins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from nps_connect.errors import ConfigError
from nps_connect.settings.key_paths import format_key_path, model_keys, models_at, nearest
from nps_connect.settings.model import Settings
from nps_connect.settings.references import ReferencedText

ENV_PREFIX = "NPS_CONNECT_"
ENV_SEPARATOR = "__"
TREE = "tree"


class TomlSource(PydanticBaseSettingsSource):
    """The file, already read."""

    def __init__(self, settings_cls: type[BaseSettings], table: dict[str, Any]) -> None:
        super().__init__(settings_cls)
        self._table = table

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Everything at once: the sources speak of one tree."""
        return self._table, field_name, True

    def __call__(self) -> dict[str, Any]:
        """The whole file as one value."""
        return {TREE: self._table}


class EnvironmentSource(PydanticBaseSettingsSource):
    """``NPS_CONNECT_<SECTION>__<KEY>``: replaces any value of the file, new keys included.

    Names are matched without case and with dashes as underscores, first against what the file holds, then against what
    the model knows. Positions in lists count from 1. Values are texts; the model turns them into numbers and lists.

    Attributes:
        mistakes: variables that name no place.
    """

    def __init__(self, settings_cls: type[BaseSettings], table: dict[str, Any], environ: Mapping[str, str]) -> None:
        super().__init__(settings_cls)
        self._table = table
        self._environ = environ
        self.mistakes: list[ConfigError] = []

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Everything at once: the sources speak of one tree."""
        return self()[TREE], field_name, True

    def __call__(self) -> dict[str, Any]:
        """Only what the variables say; pydantic-settings lays it over the file."""
        tree: dict[str, Any] = {}
        for name in sorted(self._environ, key=lambda name: (name.count(ENV_SEPARATOR), name)):
            path = name.removeprefix(ENV_PREFIX).split(ENV_SEPARATOR)
            if name.startswith(ENV_PREFIX) and (len(path) > 1 or _match_key(path[0], model_keys(Settings))):
                value = ReferencedText(self._environ[name], f"environment variable {name}", override=True)
                self._place(tree, path, value, name)
        return {TREE: tree}

    def _place(self, tree: dict[str, Any], path: list[str], value: ReferencedText, name: str) -> None:
        """Put one value into the tree, copying the file's lists on the way, because lists are replaced as a whole."""
        holder: Any = tree
        beside: Any = self._table
        at: tuple[str | int, ...] = ()
        for number, part in enumerate(path):
            key = self._key(part, holder, beside, at)
            if key is None:
                self.mistakes.append(_unknown_key_error(name, part, beside, at))
                return
            if number == len(path) - 1:
                holder[key] = value
                return
            at = (*at, key)
            beside = _child(beside, key)
            inside = _child(holder, key)
            if isinstance(inside, dict | list):
                inside = inside.copy()
            else:
                inside = list(beside) if isinstance(beside, list) else {}
            holder[key] = inside
            holder = inside

    @staticmethod
    def _key(part: str, holder: object, beside: object, at: tuple[str | int, ...]) -> str | int | None:
        if isinstance(holder, list):
            index = int(part) - 1 if part.isascii() and part.isdigit() and len(part) < 5 else -1
            return index if 0 <= index < len(holder) else None
        known = [str(key) for key in beside] if isinstance(beside, dict) else []
        models = models_at(Settings, at)
        known += [key for model in models for key in model_keys(model)]
        found = _match_key(part, known)
        if found is None and part and not models:
            found = part.lower().replace("_", "-") if len(at) == 1 else part.lower()
        return found


def _match_key(part: str, known: Iterable[str]) -> str | None:
    return next((key for key in known if key.upper().replace("-", "_") == part.upper()), None)


def _child(holder: object, key: str | int) -> object:
    if isinstance(holder, dict):
        return holder.get(key)
    return holder[key] if isinstance(holder, list) and isinstance(key, int) and key < len(holder) else None


def _unknown_key_error(name: str, part: str, beside: object, at: tuple[str | int, ...]) -> ConfigError:
    where = f"environment variable {name}"
    if isinstance(beside, list):
        return ConfigError(f"there is no {format_key_path(at)}.{part}", where=where, allowed=f"1 to {len(beside)}")
    known = [key for model in models_at(Settings, at) for key in model_keys(model)]
    place = format_key_path(at) or "the file"
    return ConfigError(
        f"{part.lower()!r} is not a known key of {place}",
        where=where,
        allowed=", ".join(sorted(known)) or None,
        nearest=nearest(part.lower(), known),
    )


def merge_sources(table: dict[str, Any], environ: Mapping[str, str]) -> tuple[dict[str, Any], list[ConfigError]]:
    """The file and the environment in one tree, the environment winning, and the variables that name no place."""
    heard: list[EnvironmentSource] = []

    class Gathered(BaseSettings):
        tree: dict[str, Any] = {}

        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,  # noqa: ARG003
            env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
            dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
            file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            heard.append(EnvironmentSource(settings_cls, table, environ))
            return heard[0], TomlSource(settings_cls, table)

    return Gathered().tree, heard[0].mistakes
