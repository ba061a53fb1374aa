"""`load_settings`: the file, its environment file, the environment and the secret files, as `Settings`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr

from nps_connect.errors import ConfigError, ConfigErrors
from nps_connect.settings.branding import read_logo
from nps_connect.settings.config_files import read_environment_file, read_toml
from nps_connect.settings.model import Core, Settings
from nps_connect.settings.parse_table import parse_table
from nps_connect.settings.references import ReferenceResolver
from nps_connect.settings.sources import merge_sources

DEFAULT_CONFIG_NAME = "nps-connect.toml"
CONFIG_VARIABLE = "NPS_CONNECT_CONFIG"
_SQLITE = "sqlite:///"


def config_path(path: Path | None, environ: Mapping[str, str]) -> Path:
    """The file that is meant: the one given, else ``NPS_CONNECT_CONFIG``, else ``nps-connect.toml`` here."""
    return path or Path(environ.get(CONFIG_VARIABLE) or DEFAULT_CONFIG_NAME)


def environment_path(path: Path) -> Path:
    """The environment file of a configuration: ``nps-connect.env`` beside ``nps-connect.toml``."""
    return path.with_suffix(".env")


def load_settings(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Read the configuration.

    The file's values are replaced by ``NPS_CONNECT_<SECTION>__<KEY>`` variables, then references are followed, then
    all is validated. Variables may stand in the environment file beside the configuration; the real environment wins.
    Connections' tables stay raw, their plugins' models are applied by `nps_connect.app`.

    Args:
        path: the file; none means as `config_path` says.
        environ: the environment.

    Raises:
        ConfigErrors: every mistake, at once.
    """
    path = config_path(path, environ)
    where = str(path)
    try:
        table = read_toml(path)
        environ = {**read_environment_file(environment_path(path)), **environ}
    except ConfigError as mistake:
        raise ConfigErrors([mistake]) from None
    tree, mistakes = merge_sources(table, environ)
    resolver = ReferenceResolver(where=where, folder=path.parent, environ=environ)
    resolved = resolver(tree)
    mistakes += resolver.mistakes
    try:
        settings = parse_table(Settings, resolved, where=where, told=resolver.unresolved)
    except ConfigErrors as errors:
        raise ConfigErrors([*mistakes, *errors.errors]) from None
    if mistakes:
        raise ConfigErrors(mistakes)
    core = _resolve_paths(settings, path.parent)
    if core.logo is not None:
        try:
            read_logo(core.logo)
        except ValueError as error:
            raise ConfigErrors([ConfigError(str(error), where=where, key="core.logo")]) from None
    return settings.model_copy(update={"core": core})


def _resolve_paths(settings: Settings, folder: Path) -> Core:
    """The core table with relative files placed in the configuration's folder."""
    core = settings.core
    if core.logo is not None:
        core = core.model_copy(update={"logo": folder.absolute() / core.logo})
    url = core.database_url.get_secret_value()
    if not url.startswith(_SQLITE):
        return core
    name, mark, query = url.removeprefix(_SQLITE).partition("?")
    absolute = (folder.absolute() / name).as_posix()
    return core.model_copy(update={"database_url": SecretStr(f"{_SQLITE}{absolute}{mark}{query}")})
