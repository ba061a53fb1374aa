"""Load `Settings` from the TOML file, its environment file, the environment and secret files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr

from nps_connect.errors import ConfigError, ConfigErrors
from nps_connect.settings.branding import read_logo
from nps_connect.settings.config_files import read_environment_file, read_toml
from nps_connect.settings.key_paths import KeyPath
from nps_connect.settings.model import Core, Settings
from nps_connect.settings.origins import Origins
from nps_connect.settings.parse_table import parse_table
from nps_connect.settings.references import ReferenceResolver
from nps_connect.settings.sources import merge_sources
from nps_connect.settings.toml_lines import find_lines

DEFAULT_CONFIG_NAME = "nps-connect.toml"
CONFIG_VARIABLE = "NPS_CONNECT_CONFIG"
DATABASE_URL_PATH = ("core", "database_url")
_SQLITE = "sqlite:///"


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
    origins = Origins(where, merged, find_lines(text))
    resolver = ReferenceResolver(origins, folder=home.parent, environ=environ)
    resolved = resolver.resolve(merged)
    try:
        settings = parse_table(Settings, resolved, origins, reported=resolver.unresolved)
    except ConfigErrors as errors:
        raise ConfigErrors([*mistakes, *resolver.mistakes, *errors.errors]) from None
    for key_path, unresolved in zip(resolver.unresolved, resolver.mistakes, strict=True):
        mistakes += [unresolved] if needs_secrets or not _is_secret(settings, key_path) else []
    if mistakes:
        raise ConfigErrors(mistakes)
    core = _resolve_paths(settings, home.parent)
    if core.logo is not None:
        try:
            read_logo(core.logo)
        except ValueError as error:
            raise ConfigErrors([origins.locate(ConfigError(str(error), key="core.logo"))]) from None
    return settings.model_copy(update={"core": core}).with_origins(origins)


def _resolve_paths(settings: Settings, folder: Path) -> Core:
    """Return the core table with relative paths made absolute from the configuration's folder."""
    core = settings.core
    if core.logo is not None:
        core = core.model_copy(update={"logo": folder.absolute() / core.logo})
    if core.state_dir is not None:
        core = core.model_copy(update={"state_dir": folder.absolute() / core.state_dir})
    url = core.database_url.get_secret_value()
    if not url.startswith(_SQLITE):
        return core
    name, separator, query = url.removeprefix(_SQLITE).partition("?")
    path = folder.absolute() / name
    database_url = SecretStr(f"{_SQLITE}{path.as_posix()}{separator}{query}")
    state_dir = core.state_dir or Path(f"{path.resolve()}.state")  # by a symbolic link too, it is the same database
    return core.model_copy(update={"database_url": database_url, "state_dir": state_dir})


def _is_secret(settings: Settings, key_path: KeyPath) -> bool:
    """Return whether a value is a secret of a vendor or of ours; the address of the database counts as none."""
    if key_path[0] == "connections":
        return True
    value: object = settings
    for part in key_path:
        value = value[part] if isinstance(value, tuple) and isinstance(part, int) else getattr(value, str(part), None)
    values = value if isinstance(value, tuple) else (value,)
    return key_path != DATABASE_URL_PATH and all(isinstance(item, SecretStr) for item in values)
