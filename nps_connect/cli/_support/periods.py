"""``--since`` and ``--until``: days in the company's time zone, or so long back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from nps_connect.settings.model import Settings

F = TypeVar("F", bound=Callable[..., Any])


def period_options(command: F) -> F:
    """``--since`` and ``--until``."""
    for option in (
        click.option("--until", help="Up to and with this day (2026-01-31), or until so long ago (2h)."),
        click.option("--since", help="From this day on (2026-01-31), or for so long back (30d)."),
    ):
        command = option(command)
    return command


def parse_period(settings: Settings, since: str | None, until: str | None) -> tuple[datetime | None, datetime | None]:
    """The moments from which and before which; none = without end.

    Raises:
        click.BadParameter: neither a day nor a time.
    """
    zone = settings.core.zone
    return _parse_bound(since, "--since", zone, after=0), _parse_bound(until, "--until", zone, after=1)


def _parse_bound(text: str | None, option: str, zone: tzinfo, *, after: int) -> datetime | None:
    """What a text means; a day so many days after its beginning."""
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
        return (day + timedelta(days=after)).replace(tzinfo=zone)
    except (ValueError, OverflowError):
        raise click.BadParameter(
            f"{text!r} is neither a day such as 2026-01-31 nor a time such as 30d", param_hint=option
        ) from None
