"""The options ``--since`` and ``--until``: days in the company's time zone, or ages such as ``30d``."""

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
        click.option("--until", help="End: a day, inclusive (2026-01-31), or an age (2h)."),
        click.option("--since", help="Start: a day (2026-01-31) or an age (30d)."),
    ):
        command = option(command)
    return command


def parse_period(settings: Settings, since: str | None, until: str | None) -> tuple[datetime | None, datetime | None]:
    """Return the start (inclusive) and the end (exclusive) of the period; None means unbounded.

    Raises:
        click.BadParameter: a value is neither a day nor an age.
    """
    zone = settings.core.zone
    return _parse_bound(since, "--since", zone, extra_days=0), _parse_bound(until, "--until", zone, extra_days=1)


def _parse_bound(text: str | None, option: str, zone: tzinfo, *, extra_days: int) -> datetime | None:
    """Return the moment of a bound; a day begins at midnight plus the extra days."""
    from nps_connect.connection import system_clock
    from nps_connect.settings.durations import parse_duration

    if text is None:
        return None
    try:
        return system_clock() - parse_duration(text)
    except (ValueError, OverflowError):
        pass
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=zone)
        return (day + timedelta(days=extra_days)).replace(tzinfo=zone)
    except (ValueError, OverflowError):
        raise click.BadParameter(
            f"{text!r} is neither a day such as 2026-01-31 nor an age such as 30d", param_hint=option
        ) from None
