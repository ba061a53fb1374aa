"""``--since`` and ``--until``: days in the company's time zone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from nps_connect.settings.model import Settings

F = TypeVar("F", bound=Callable[..., Any])


def period_options(command: F) -> F:
    """``--since`` and ``--until``."""
    for option in (
        click.option("--until", help="Up to and with this day."),
        click.option("--since", help="From this day on (2026-01-31), or for so long back (30d)."),
    ):
        command = option(command)
    return command


def period(settings: Settings, since: str | None, until: str | None) -> tuple[datetime | None, datetime | None]:
    """The moments from which and before which; none = without end.

    Raises:
        click.BadParameter: not a day.
    """
    from nps_connect.connection import system_clock
    from nps_connect.settings.durations import parse_duration

    zone = settings.core.zone

    def day(text: str, option: str, *, after: int) -> datetime:
        try:
            begin = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=zone)
            return (begin + timedelta(days=after)).replace(tzinfo=zone)
        except (ValueError, OverflowError):
            raise click.BadParameter("a day such as 2026-01-31", param_hint=option) from None

    begin = None
    if since is not None:
        try:
            begin = system_clock() - parse_duration(since)
        except ValueError:
            begin = day(since, "--since", after=0)
    return begin, None if until is None else day(until, "--until", after=1)
