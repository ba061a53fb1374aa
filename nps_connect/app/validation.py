"""Validate the whole configuration across its tables, with the installed plugins."""

from __future__ import annotations

from nps_connect.app.checks.connections import check_concurrency, check_connections
from nps_connect.app.checks.context import CheckContext
from nps_connect.app.checks.routes import check_routes
from nps_connect.app.checks.surveys import check_recovery, check_surveys
from nps_connect.app.checks.triggers import check_triggers
from nps_connect.connection import ConnectionSettings
from nps_connect.errors import ConfigErrors
from nps_connect.plugins import Plugins
from nps_connect.rendering.catalogs import available_languages
from nps_connect.settings.model import Settings


def validate(settings: Settings, plugins: Plugins, *, where: str) -> dict[str, ConnectionSettings]:
    """Check the tables together, and parse each connection with the model of its plugin.

    Args:
        settings: the file.
        plugins: the installed plugins.
        where: the file's name, for errors.

    Returns:
        The settings of the connections, by name.

    Raises:
        ConfigErrors: all mistakes together.
    """
    context = CheckContext(settings, plugins, where)
    check_connections(context)
    check_surveys(context, available_languages())
    check_triggers(context)
    check_routes(context)
    check_concurrency(context)
    check_recovery(context)
    if context.mistakes:
        raise ConfigErrors(context.mistakes)
    return context.parsed
