"""The whole configuration checked across its tables, against the plugins that are installed."""

from __future__ import annotations

from nps_connect.app.checks.cases import check_cases
from nps_connect.app.checks.connections import check_connections
from nps_connect.app.checks.context import CheckContext
from nps_connect.app.checks.delivery import check_delivery
from nps_connect.app.checks.routes import check_routes
from nps_connect.app.checks.surveys import check_surveys
from nps_connect.app.checks.triggers import check_triggers
from nps_connect.connection import ConnectionSettings
from nps_connect.errors import ConfigErrors
from nps_connect.plugins import Plugins
from nps_connect.rendering.catalogs import available_languages
from nps_connect.settings.model import Settings


def validate(settings: Settings, plugins: Plugins, *, where: str) -> dict[str, ConnectionSettings]:
    """Check what `Settings` alone cannot know, and parse each connection with its plugin's model.

    Args:
        settings: the file.
        plugins: what is installed.
        where: the file's name, for errors.

    Returns:
        The connections' settings, by name.

    Raises:
        ConfigErrors: every mistake, at once.
    """
    subject = CheckContext(settings, plugins, where)
    check_connections(subject)
    check_surveys(subject, available_languages())
    check_triggers(subject)
    check_routes(subject)
    check_delivery(subject)
    check_cases(subject)
    if subject.mistakes:
        raise ConfigErrors(subject.mistakes)
    return subject.parsed
