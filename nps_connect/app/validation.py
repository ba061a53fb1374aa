"""Validate the whole configuration across its tables, with the installed plugins."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from nps_connect.app.checks.cases import check_holidays, check_recovery
from nps_connect.app.checks.comments import check_comments
from nps_connect.app.checks.connections import check_concurrency, check_connections
from nps_connect.app.checks.context import CheckContext
from nps_connect.app.checks.digest import check_digest
from nps_connect.app.checks.expectations import check_expectations
from nps_connect.app.checks.invalid import find_further_mistakes
from nps_connect.app.checks.live_mode import check_live_mode
from nps_connect.app.checks.routes import check_routes
from nps_connect.app.checks.schedules import check_schedules
from nps_connect.app.checks.surveys import check_surveys
from nps_connect.app.checks.teams import check_teams
from nps_connect.app.checks.triggers import check_triggers
from nps_connect.connection import ConnectionSettings
from nps_connect.errors import ConfigErrors
from nps_connect.plugins import Plugins
from nps_connect.rendering.catalogs import available_languages
from nps_connect.rules.repeated_bounces import OBSERVATION_PERIOD
from nps_connect.settings.durations import format_duration
from nps_connect.settings.load_settings import InvalidConfiguration
from nps_connect.settings.model import Settings


def load_checked(
    load: Callable[[], Settings], load_plugins: Callable[[], Plugins]
) -> tuple[Settings, Plugins, dict[str, ConnectionSettings]]:
    """Load a configuration and the plugins, and validate it.

    Args:
        load: loads the configuration.
        load_plugins: loads the installed plugins.

    Returns:
        The configuration, the plugins, and the settings of the connections by name.

    Raises:
        ConfigErrors: all mistakes that can be named with certainty.
    """
    try:
        settings = load()
    except ConfigErrors as errors:
        if not isinstance(errors.configuration, InvalidConfiguration):
            raise
        further = find_further_mistakes(errors.configuration, load_plugins())
        raise ConfigErrors([*errors.errors, *further]) from None
    plugins = load_plugins()
    return settings, plugins, validate(settings, plugins)


def validate(settings: Settings, plugins: Plugins) -> dict[str, ConnectionSettings]:
    """Check the tables together, and parse each connection with the model of its plugin.

    Args:
        settings: the file.
        plugins: the installed plugins.

    Returns:
        The settings of the connections, by name.

    Raises:
        ConfigErrors: all mistakes together.
    """
    context = CheckContext(settings, plugins)
    check_connections(context)
    check_surveys(context, available_languages())
    check_schedules(context)
    check_triggers(context)
    check_teams(context)
    check_routes(context)
    check_concurrency(context)
    check_holidays(context)
    check_recovery(context)
    check_expectations(context)
    check_comments(context)
    check_digest(context)
    _check_retention(context)
    check_live_mode(context)
    if context.mistakes:
        raise ConfigErrors(context.mistakes)
    return context.parsed


def validate_connections(settings: Settings, plugins: Plugins) -> dict[str, ConnectionSettings]:
    """Parse each connection with the model of its plugin; triggers, routes and surveys may be missing.

    Raises:
        ConfigErrors: all mistakes of the connections.
    """
    context = CheckContext(settings, plugins)
    check_connections(context)
    if context.mistakes:
        raise ConfigErrors(context.mistakes)
    return context.parsed


def _check_retention(context: CheckContext) -> None:
    """Check that data is kept as long as decisions and vendors need it, and no part longer than the whole."""
    settings, periods = context.settings, context.settings.retention
    responding = {f"surveys.{name}.expires_after": survey.expires_after for name, survey in settings.surveys.items()}
    cooldowns = {"limits.cooldown": settings.limits.cooldown, "reviews.cooldown": settings.reviews.cooldown}
    minimums = {
        "events": {"limits.cooldown": settings.limits.cooldown, "limits.max_event_age": settings.limits.max_event_age},
        "deliveries": {**cooldowns, **responding, "retention.attempts": periods.attempts},
        "page_views": {
            **responding,
            "the time in which soft bounces are compared": OBSERVATION_PERIOD,
            "retention.visits": periods.visits,
        },
    }
    for name, limits in minimums.items():
        period: timedelta = getattr(periods, name)
        longest = max(limits, key=limits.__getitem__)
        if period < limits[longest]:
            needed = format_duration(limits[longest])
            context.add_mistake(
                ("retention", name),
                f"{format_duration(period)} is shorter than {longest} ({needed})",
                fix=f'set it to "{needed}" or longer' + (f", or shorten {longest}" if "." in longest else ""),
            )
