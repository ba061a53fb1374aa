"""Global options, and access to the settings, the ledger and the application that they select."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

if TYPE_CHECKING:
    from nps_connect.app.application import Application
    from nps_connect.connection import ConnectionSettings
    from nps_connect.ledger.ledger import Ledger
    from nps_connect.plugins import Plugins
    from nps_connect.settings.model import Settings
    from nps_connect.settings.origins import Origins

READ_TIMEOUT_SECONDS = 2.0
"""How long a command that only reads waits for a locked SQLite file, or a connection to PostgreSQL."""

F = TypeVar("F", bound=Callable[..., Any])


class CheckedConfig(NamedTuple):
    """A validated configuration.

    Attributes:
        settings: the configuration file.
        plugins: the installed plugins.
        connections: the plugin settings of each connection, by name.
    """

    settings: Settings
    plugins: Plugins
    connections: dict[str, ConnectionSettings]


class Options:
    """The options given before the command.

    A plain class, because importing `dataclasses` would slow down ``--help``.

    Attributes:
        config: the configuration file; None means the default file.
        debug: show tracebacks.
        origins: where the values of the loaded configuration come from; None before it is loaded.
        utc: show times in UTC.
        home: the file whose folder and environment file count, if `config` is another version of it; else None.
    """

    def __init__(self, config: Path | None = None, *, debug: bool = False, utc: bool = False) -> None:
        self.config, self.debug, self.utc = config, debug, utc
        self.home: Path | None = None
        self.origins: Origins | None = None

    def zone(self, settings: Settings) -> tzinfo:
        """Return the zone in which times are shown: the company's, or UTC with ``--utc``."""
        return UTC if self.utc else settings.core.zone

    def of_version(self, path: Path) -> Options:
        """Return the options for another version of the configuration, with the secrets and the folder of this one."""
        options = Options(path, debug=self.debug, utc=self.utc)
        options.home = self.path
        return options

    @property
    def path(self) -> Path:
        """The path of the configuration file, which may not exist."""
        from nps_connect.settings.load_settings import config_path

        return config_path(self.config, os.environ)

    def load_settings(self, *, needs_secrets: bool = True) -> Settings:
        """Load the configuration without validating it against plugins.

        Args:
            needs_secrets: report secrets that are not available.

        Raises:
            ConfigErrors: all mistakes in the file.
        """
        from nps_connect.settings.load_settings import load_settings

        settings = load_settings(self.path, os.environ, needs_secrets=needs_secrets, home=self.home)
        self.origins = settings.origins
        return settings

    def load_checked(self) -> CheckedConfig:
        """Load the configuration and validate it against the installed plugins.

        Raises:
            ConfigErrors: all mistakes in the configuration.
        """
        from nps_connect.app.validation import load_checked
        from nps_connect.plugins import Plugins

        return CheckedConfig(*load_checked(self.load_settings, Plugins.load))

    def load_connections(self) -> CheckedConfig:
        """Load the configuration and validate its connections only, for commands that use nothing else of it.

        Raises:
            ConfigErrors: mistakes in the file, or in a connection.
        """
        from nps_connect.app.validation import validate_connections
        from nps_connect.plugins import Plugins

        settings, plugins = self.load_settings(), Plugins.load()
        return CheckedConfig(settings, plugins, validate_connections(settings, plugins))

    @contextmanager
    def open_ledger(
        self, *, writes: bool = False, timeout_seconds: float | None = None
    ) -> Iterator[tuple[Ledger, Settings]]:
        """Open the ledger without plugins and secrets; yields it with the settings and closes it.

        Args:
            writes: the command changes something; if not, it needs no write access to the SQLite file and its folder.
            timeout_seconds: see `Ledger`; for a command that only reads, `READ_TIMEOUT_SECONDS` by default.

        Raises:
            ConfigError: the configuration is invalid, or the database schema is not current.
        """
        from nps_connect.ledger.ledger import Ledger
        from nps_connect.ledger.schema import require_current_schema

        settings = self.load_settings(needs_secrets=False)
        url = settings.core.database_url.get_secret_value()
        timeout_seconds = timeout_seconds or (None if writes else READ_TIMEOUT_SECONDS)
        ledger = Ledger(url, read_only=not writes, timeout_seconds=timeout_seconds)
        try:
            require_current_schema(ledger)
            yield ledger, settings
        finally:
            ledger.close()

    @contextmanager
    def open_application(self, require_database: Callable[[Ledger], None] | None = None) -> Iterator[Application]:
        """Build the application and close it at the end.

        Args:
            require_database: raises ConfigError if the database cannot be used; by default that of another schema.

        Raises:
            ConfigError: the configuration is invalid, or the database schema is not current.
        """
        from nps_connect.app.application import open_application
        from nps_connect.ledger.schema import require_current_schema

        application = open_application(self.path, os.environ, require_database or require_current_schema)
        self.origins = application.ctx.settings.origins
        try:
            yield application
        finally:
            application.close()


class Command(click.Command):
    """A command with ``--json`` and ``--utc``, and with ``--config`` after its name as well as before it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  # click's own arguments
        super().__init__(*args, **kwargs)
        path = click.Path(path_type=Path)
        config_help = "Configuration file (same as before the command)."
        self.params += [
            click.Option(["--json", "as_json"], is_flag=True, help="Print JSON; errors too, on standard error."),
            click.Option(
                ["--utc"],
                is_flag=True,
                expose_value=False,
                callback=_set_utc,
                help="Show times in UTC instead of the company's time zone.",
            ),
            click.Option(
                ["--config"], type=path, metavar="FILE", expose_value=False, callback=_set_config, help=config_help
            ),
        ]


def _set_config(context: click.Context, _parameter: click.Parameter, value: Path | None) -> None:
    if value is not None:
        context.ensure_object(Options).config = value


def _set_utc(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    context.ensure_object(Options).utc = value


def command(function: Callable[..., object]) -> Command:
    """Make a function a command of its name; it receives the `Options` first, and ``--json`` as `as_json`."""
    pass_options = click.make_pass_decorator(Options, ensure=True)
    return click.command(function.__name__.rstrip("_"), cls=Command)(pass_options(function))


def yes_option(command: F) -> F:
    """Add ``--yes``: skip the confirmation prompt."""
    return click.option("--yes", is_flag=True, help="Skip the confirmation prompt.")(command)


def dry_run_option(command: F) -> F:
    """Add ``--dry-run``."""
    text = "Show what would be done and how many people it concerns; change nothing."
    return click.option("--dry-run", is_flag=True, help=text)(command)


def confirm_options(command: F) -> F:
    """Add ``--dry-run`` and ``--yes`` to a command that asks for confirmation."""
    return dry_run_option(yes_option(command))
