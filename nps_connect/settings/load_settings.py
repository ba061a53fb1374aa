"""Load `Settings` from the TOML file, its environment file, the environment and secret files."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import SecretStr

from nps_connect.errors import ConfigError, ConfigErrors
from nps_connect.settings.branding import read_logo
from nps_connect.settings.config_files import FileVariable, describe_variable, read_environment_file, read_toml
from nps_connect.settings.key_paths import KeyPath
from nps_connect.settings.model import Core, Settings
from nps_connect.settings.origins import Origins
from nps_connect.settings.parse_table import parse_table
from nps_connect.settings.references import ReferenceResolver
from nps_connect.settings.sources import ENV_PREFIX, ENV_SEPARATOR, merge_sources
from nps_connect.settings.toml_lines import find_lines

DEFAULT_CONFIG_NAME = "nps-connect.toml"
CONFIG_VARIABLE = "NPS_CONNECT_CONFIG"
DATABASE_URL_PATH = ("core", "database_url")
_SQLITE = "sqlite:///"


class DatabaseKeys(NamedTuple):
    """The keys of ``[core]`` that say where the database is.

    Attributes:
        database_url: its address.
        state_dir: the state directory of this host.
    """

    database_url: SecretStr
    state_dir: Path | None


class InvalidConfiguration(NamedTuple):
    """A configuration with mistakes.

    Attributes:
        table: its raw values with references resolved.
        origins: where they come from.
        unresolved: key paths of the references that could not be resolved.
    """

    table: Mapping[str, Any]
    origins: Origins
    unresolved: Sequence[KeyPath]


def config_path(path: Path | None, environ: Mapping[str, str]) -> Path:
    """Return the given path, else ``NPS_CONNECT_CONFIG``, else ``nps-connect.toml`` in the working directory."""
    return path or Path(environ.get(CONFIG_VARIABLE) or DEFAULT_CONFIG_NAME)


def environment_path(path: Path) -> Path:
    """Return the path of the environment file: ``nps-connect.env`` next to ``nps-connect.toml``."""
    return path.with_suffix(".env")


def load_settings(
    path: Path | None, environ: Mapping[str, str], *, needs_secrets: bool = True, home: Path | None = None
) -> Settings:
    """Load and validate the configuration.

    ``NPS_CONNECT_<SECTION>__<KEY>`` variables replace values of the file, references are resolved, then the result is
    validated. Variables may be in the environment file; the process environment takes precedence. The tables of
    connections stay raw: `nps_connect.app` validates them with the models of their plugins.

    Args:
        path: the file; None means the result of `config_path`.
        environ: the environment.
        needs_secrets: report secrets that are not available; if not, a text that is no secret stands for each, except
            for the address of the database.
        home: the file whose folder and environment file count, for another version of it that is kept elsewhere; None
            means `path`.

    Raises:
        ConfigErrors: all mistakes together.
    """
    path = config_path(path, environ)
    home = home or path
    where = str(path)
    try:
        table, text = read_toml(path)
        if needs_secrets or os.access(environment_path(home), os.R_OK):
            environ = {**read_environment_file(environment_path(home)), **environ}
    except ConfigError as mistake:
        raise ConfigErrors([mistake]) from None
    merged, mistakes = merge_sources(table, environ)
    from_file = {name: describe_variable(name, value) for name, value in environ.items() if type(value) is FileVariable}
    origins = Origins(where, merged, find_lines(text), home.parent, from_file)
    resolver = ReferenceResolver(origins, folder=home.parent, environ=environ)
    resolved = resolver.resolve(merged)
    loaded = InvalidConfiguration(resolved, origins, resolver.unresolved)
    try:
        settings = parse_table(Settings, resolved, origins, reported=resolver.unresolved)
    except ConfigErrors as errors:
        raise ConfigErrors([*mistakes, *resolver.mistakes, *errors.errors], loaded) from None
    for key_path, unresolved in zip(resolver.unresolved, resolver.mistakes, strict=True):
        mistakes += [unresolved] if needs_secrets or not _is_secret(settings, key_path) else []
    if mistakes:
        raise ConfigErrors(mistakes, loaded)
    core = _resolve_paths(settings.core, home.parent)
    if core.logo is not None:
        try:
            read_logo(core.logo)
        except ValueError as error:
            raise ConfigErrors([origins.locate(ConfigError(str(error), key="core.logo"))]) from None
    comments = settings.comments
    if comments.themes is not None:
        comments = comments.model_copy(update={"themes": home.parent.absolute() / comments.themes})
    return settings.model_copy(update={"core": core, "comments": comments}).with_origins(origins)


def load_database_keys(path: Path, environ: Mapping[str, str]) -> DatabaseKeys | None:
    """Return the address of the database and the state directory of a configuration that is invalid elsewhere.

    For an emergency only: each line of ``[core]`` is read for itself, and nothing else of the file.

    Args:
        path: the file.
        environ: the environment.

    Returns:
        The two; None if one of them cannot be read with certainty.
    """
    table: dict[str, object] = {}
    try:
        environ = {**read_environment_file(environment_path(path)), **environ}
        lines = path.read_text(encoding="utf-8").splitlines()
    except (ConfigError, OSError, ValueError):
        return None
    is_core = False
    for line in lines:
        if line.lstrip().startswith("["):
            is_core = line.partition("#")[0].strip("[]\"' ") == "core"
        elif not is_core and line.lstrip().startswith("core"):
            return None  # a dotted or inline table, which may hold the keys
        elif is_core and any(key in line for key in DatabaseKeys._fields):
            try:
                table |= tomllib.loads(line)
            except ValueError:
                return None
    variables = {f"{ENV_PREFIX}CORE{ENV_SEPARATOR}{key.upper()}" for key in DatabaseKeys._fields}
    given = {key: value for key, value in table.items() if key in DatabaseKeys._fields}
    merged, _ = merge_sources({"core": given}, {name: environ[name] for name in variables & environ.keys()})
    resolver = ReferenceResolver(Origins(str(path), merged), folder=path.parent, environ=environ)
    values = resolver.resolve(merged)["core"]
    if resolver.mistakes or not all(isinstance(value, str) for value in values.values()):
        return None
    url = values.get("database_url", Core.model_fields["database_url"].default.get_secret_value())
    state_dir = Path(values["state_dir"]) if "state_dir" in values else None
    return _resolve_database_keys(DatabaseKeys(SecretStr(url), state_dir), path.parent)


def _resolve_paths(core: Core, folder: Path) -> Core:
    """Return the core table with relative paths made absolute from the configuration's folder."""
    keys = _resolve_database_keys(DatabaseKeys(core.database_url, core.state_dir), folder)
    logo = None if core.logo is None else folder.absolute() / core.logo
    return core.model_copy(update={"logo": logo, **keys._asdict()})


def _resolve_database_keys(keys: DatabaseKeys, folder: Path) -> DatabaseKeys:
    """Return the keys with relative paths made absolute, and the state directory beside an SQLite file unless given."""
    state_dir = None if keys.state_dir is None else folder.absolute() / keys.state_dir
    url = keys.database_url.get_secret_value()
    if not url.startswith(_SQLITE):
        return DatabaseKeys(keys.database_url, state_dir)
    name, separator, query = url.removeprefix(_SQLITE).partition("?")
    path = folder.absolute() / name
    state_dir = state_dir or Path(f"{path.resolve()}.state")  # by a symbolic link too, it is the same database
    return DatabaseKeys(SecretStr(f"{_SQLITE}{path.as_posix()}{separator}{query}"), state_dir)


def _is_secret(settings: Settings, key_path: KeyPath) -> bool:
    """Return whether a value is a secret of a vendor or of ours; the address of the database counts as none."""
    if key_path[0] == "connections":
        return True
    value: object = settings
    for part in key_path:
        value = value[part] if isinstance(value, tuple) and isinstance(part, int) else getattr(value, str(part), None)
    values = value if isinstance(value, tuple) else (value,)
    return key_path != DATABASE_URL_PATH and all(isinstance(item, SecretStr) for item in values)
