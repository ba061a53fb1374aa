"""What ``events list`` and ``events replay`` share: which events are meant."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from nps_connect.flows.replay import Chosen

F = TypeVar("F", bound=Callable[..., Any])
STATES = ("pending", "running", "succeeded", "dead")


def choosing(command: F) -> F:
    """``--connection``, ``--state``, ``--since``, ``--until``, ``--raw``."""
    for option in (
        click.option("--raw", is_flag=True, help="Webhooks as they came in, in place of the events in them."),
        click.option("--until", help="Came in before so long ago, such as 2h."),
        click.option("--since", help="Came in within so long, such as 7d."),
        click.option("--state", type=click.Choice(STATES), help="Only in this state."),
        click.option("--connection", help="Only of this connection."),
    ):
        command = option(command)
    return command


def chosen(
    ids: tuple[int, ...], connection: str | None, state: str | None, since: str | None, until: str | None
) -> Chosen:
    """What the options mean.

    Raises:
        click.BadParameter: a time that cannot be read.
    """
    from nps_connect.flows.replay import Chosen

    return Chosen(ids, connection, state, _ago(since, "--since"), _ago(until, "--until"))


def _ago(text: str | None, option: str) -> datetime | None:
    from nps_connect.connection import system_clock
    from nps_connect.settings.durations import parse_duration

    if text is None:
        return None
    try:
        return system_clock() - parse_duration(text)
    except (ValueError, OverflowError) as error:
        raise click.BadParameter(str(error), param_hint=option) from None
