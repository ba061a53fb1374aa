"""Checks of connections before there is a configuration or a database: both are temporary."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from nps_connect.cli._support.config_template import SIGNING_KEY, ConfigTemplate

if TYPE_CHECKING:
    from nps_connect.cli._support.setup_questions import TryConnection
    from nps_connect.records.findings import Finding

DATABASE_VARIABLE = "NPS_CONNECT_CORE__DATABASE_URL"


@contextmanager
def open_trial(environ: Mapping[str, str]) -> Iterator[TryConnection]:
    """Yield a function that checks one connection of a configuration; everything temporary is deleted at the end.

    Args:
        environ: the environment variables, with those of the environment file.
    """
    from nps_connect.app.application import create_database, open_application
    from nps_connect.errors import ConfigErrors
    from nps_connect.services.operations.connection_checks import run_plugin_check
    from nps_connect.settings.load_settings import load_settings

    with TemporaryDirectory(prefix="nps-connect-init-") as folder:
        path = Path(folder) / "nps-connect.toml"
        base = {SIGNING_KEY: secrets.token_urlsafe(32), **environ}
        base |= {DATABASE_VARIABLE: f"sqlite:///{folder}/trial.db"}

        def try_connection(template: ConfigTemplate, given: Mapping[str, str], connection: str) -> Sequence[Finding]:
            path.write_text(template.text, encoding="utf-8")
            variables = {**template.environment, **base, **given}
            try:
                create_database(load_settings(path, variables))
                application = open_application(path, variables)
            except ConfigErrors as errors:
                for mistake in errors.errors:
                    if mistake.where == str(path):  # the operator knows no such file
                        mistake.where = None
                raise
            try:
                return run_plugin_check(application.ctx, connection)
            finally:
                application.close()

        yield try_connection
