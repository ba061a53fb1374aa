"""The options ``--since`` and ``--until``: days or moments in the company's time zone, or ages such as ``30d``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from nps_connect.settings.model import Settings

F = TypeVar("F", bound=Callable[..., Any])


def period_options(command: F) -> F:
    """Add ``--since`` and ``--until``."""
    for option in (
        click.option("--until", help="End: a day, inclusive (2026-01-31), a time (2026-01-31T14:00) or an age (2h)."),
        click.option("--since", help="Start: a day (2026-01-31), a time (2026-01-31T14:00) or an age (30d)."),
    ):
        command = option(command)
    return command


def parse_period(settings: Settings, since: str | None, until: str | None) -> tuple[datetime | None, datetime | None]:
    """Return the start (inclusive) and the end (exclusive) of the period; None means unbounded.

    Raises:
        click.BadParameter: a value is neither a day, a time nor an age.
    """
    zone = settings.core.zone
    return parse_moment(since, "--since", zone), parse_moment(until, "--until", zone, extra_days=1)


def parse_moment(text: str | None, option: str, zone: tzinfo, *, extra_days: int = 0) -> datetime | None:
    """Return the moment that an option names; None if it is not given.

    Args:
        text: as given; a day means its midnight.
        option: its name, for the error.
        zone: of a day, and of a time without a zone.
        extra_days: added to a day.

    Raises:
        click.BadParameter: neither a day, a time nor an age.
    """
    from nps_connect.connection import system_clock
    from nps_connect.settings.durations import parse_duration

    if text is None:
        return None
    try:
        return system_clock() - parse_duration(text)
    except (ValueError, OverflowError):
        pass
    try:
        if len(text) > len("2026-01-31"):
            moment = datetime.fromisoformat(text)
            return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=zone)
        return (day + timedelta(days=extra_days)).replace(tzinfo=zone)
    except (ValueError, OverflowError):
        raise click.BadParameter(
            f"{text!r} is neither a day such as 2026-01-31, a time such as 2026-01-31T14:00 nor an age such as 30d",
            param_hint=option,
        ) from None
