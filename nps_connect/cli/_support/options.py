"""What every command knows: which configuration is meant, and how to reach the ledger behind it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

if TYPE_CHECKING:
    from nps_connect.app.application import Application
    from nps_connect.connection import ConnectionSettings
    from nps_connect.ledger.ledger import Ledger
    from nps_connect.plugins import Plugins
    from nps_connect.settings.model import Settings

F = TypeVar("F", bound=Callable[..., Any])


class CheckedConfig(NamedTuple):
    """A configuration that passed its check.

    Attributes:
        settings: the file.
        plugins: what is installed.
        connections: each connection's own settings, by name.
    """

    settings: Settings
    plugins: Plugins
    connections: dict[str, ConnectionSettings]


class Options:
    """What was given before the command's name.

    A plain class, because ``--help`` would wait for the import of `dataclasses`.

    Attributes:
        config: the file, if one was named.
        debug: show tracebacks.
    """

    def __init__(self, config: Path | None = None, *, debug: bool = False) -> None:
        self.config, self.debug = config, debug

    @property
    def path(self) -> Path:
        """The configuration that is meant, which may not exist yet."""
        from nps_connect.settings.load_settings import config_path

        return config_path(self.config, os.environ)

    def settings(self) -> Settings:
        """Read the configuration, without looking at plugins.

        Raises:
            ConfigErrors: every mistake of the file.
        """
        from nps_connect.settings.load_settings import load_settings

        return load_settings(self.path, os.environ)

    def checked(self) -> CheckedConfig:
        """Read the configuration and check it against the installed plugins.

        Raises:
            ConfigErrors: every mistake.
        """
        from nps_connect.app.validation import validate
        from nps_connect.plugins import Plugins

        settings = self.settings()
        plugins = Plugins.load()
        return CheckedConfig(settings, plugins, validate(settings, plugins, where=str(self.path)))

    @contextmanager
    def ledger(self) -> Iterator[tuple[Ledger, Settings]]:
        """The open ledger with the settings that name it; plugins are not needed to look at it.

        Raises:
            ConfigError: a mistake in the file, or a database that cannot be used as it is.
        """
        from nps_connect.ledger.ledger import Ledger
        from nps_connect.ledger.schema import require_current_schema

        settings = self.settings()
        ledger = Ledger(settings.core.database_url.get_secret_value())
        try:
            require_current_schema(ledger)
            yield ledger, settings
        finally:
            ledger.close()

    @contextmanager
    def application(self) -> Iterator[Application]:
        """Everything joined, closed at the end.

        Raises:
            ConfigError: a mistake in the configuration, or a database that cannot be used as it is.
        """
        from nps_connect.app.application import open_application

        application = open_application(self.path, os.environ)
        try:
            yield application
        finally:
            application.close()


pass_options = click.make_pass_decorator(Options, ensure=True)


def json_option(command: F) -> F:
    """``--json``: data for programs in place of tables for people."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def limit_option(command: F) -> F:
    """``--limit``: how many rows at most."""
    return click.option(
        "--limit", type=click.IntRange(1), default=50, show_default=True, help="How many at most, newest first."
    )(command)
