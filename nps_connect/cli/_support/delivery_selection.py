"""Shared by ``deliveries retry``, ``cancel`` and ``settle``: selecting deliveries and reporting the results."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.options import Options, confirm_options
from nps_connect.cli._support.output import attributes, last_line, print_table

if TYPE_CHECKING:
    from sqlmodel import Session

    from nps_connect.ledger.tables import DeliveryRow
    from nps_connect.services.deliveries.operator_actions import DeliverySelection, OperatorResult
    from nps_connect.settings.model import Settings

F = TypeVar("F", bound=Callable[..., Any])


class MomentParam(click.ParamType[datetime]):
    """A moment: a date, a date with a time (in the company's zone), or an age such as ``2d``."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:  # noqa: ANN401
        """Return an aware moment for an age, else a naive one in the company's zone."""
        from nps_connect.connection import system_clock
        from nps_connect.settings.durations import parse_duration

        try:
            return system_clock() - parse_duration(value)
        except ValueError:
            pass
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a moment: use 2026-11-21, 2026-11-21T14:00 or an age such as 2d")


def selection_options(command: F) -> F:
    """Add ``[ID]... --all --connection --action --error --since --until --dry-run --yes``."""
    for decorate in (
        confirm_options,
        click.option("--until", type=MomentParam(), help="With --all: only created before this moment."),
        click.option(
            "--since", type=MomentParam(), help="With --all: only created since this moment (2026-11-21 or 2d)."
        ),
        click.option("--error", help="With --all: only with this kind of error, or this text in the error."),
        click.option("--action", help="With --all: only this action, such as open_ticket."),
        click.option("--connection", help="With --all: only this connection."),
        click.option("--all", "select_all", is_flag=True, help="All deliveries that match the filters."),
        click.argument("ids", metavar="[ID]...", type=int, nargs=-1),
    ):
        command = decorate(command)
    return command


@contextmanager
def open_selection(
    options: Options,
    selected: dict[str, Any],
    states: tuple[str, ...],
    change: Callable[..., OperatorResult],
    *,
    only_in_doubt: bool = False,
) -> Iterator[Callable[[bool], list[OperatorResult]]]:
    """Yield a function that changes the selected deliveries and returns the results; with False it rolls back.

    Args:
        options: the global options.
        selected: values of the options that choose deliveries, by name of the parameter.
        states: deliveries that are selected by filters are limited to these states.
        change: changes one delivery, or refuses to.
        only_in_doubt: deliveries that are selected by filters are limited to those in doubt.

    Raises:
        click.UsageError: ids and ``--all`` are both given or both missing, or filters are given without ``--all``.
        CommandError: an id does not exist.
    """
    from nps_connect.app.actions import ACTIONS
    from nps_connect.connection import system_clock

    with options.open_ledger() as (ledger, settings):
        selection = _parse_selection(settings=settings, **selected)
        if not isinstance(selection, tuple):
            selection = replace(selection, only_in_doubt=only_in_doubt)

        def change_selected(commit: bool) -> list[OperatorResult]:
            with ledger.write() if commit else ledger.read() as session:
                rows, now = _load_selected(session, selection, states), system_clock()
                return [change(session, row, actions=ACTIONS, settings=settings, now=now) for row in rows]

        yield change_selected


def _parse_selection(
    ids: tuple[int, ...],
    select_all: bool,
    settings: Settings,
    **filters: Any,  # noqa: ANN401  # texts and moments
) -> tuple[int, ...] | DeliverySelection:
    """Return the given ids, or the selection that the filters describe."""
    from nps_connect.services.deliveries.operator_actions import DeliverySelection

    given_filters = {name: value for name, value in filters.items() if value is not None}
    if bool(ids) == select_all or (given_filters and not select_all):
        raise click.UsageError(
            "give delivery IDs, or --all with optional filters (--connection, --action, --error, ...)"
        )
    if not select_all:
        return ids
    for name in ("since", "until"):
        if name in given_filters and given_filters[name].tzinfo is None:
            given_filters[name] = given_filters[name].replace(tzinfo=settings.core.zone)
    return DeliverySelection(**given_filters)


def _load_selected(
    session: Session, selection: tuple[int, ...] | DeliverySelection, states: tuple[str, ...]
) -> list[DeliveryRow]:
    """Return the selected deliveries, locked; those selected by filters are limited to the given states."""
    from nps_connect.services.deliveries.operator_actions import load_deliveries_by_id, select_deliveries

    if not isinstance(selection, tuple):
        return select_deliveries(session, selection, states)
    rows = load_deliveries_by_id(session, list(selection))
    missing_ids = set(selection) - {row.id for row in rows}
    if missing_ids:
        raise CommandError(f"there is no delivery {', '.join(map(str, sorted(missing_ids)))}")
    return rows


def result_json(result: OperatorResult, success_key: str) -> dict[str, object]:
    """Return one result for ``--json``."""
    row = attributes(result.row, "id", "action", "connection", "state")
    return row | {success_key: result.refused is None, "refused": result.refused}


def print_results(results: list[OperatorResult], *, empty: str) -> None:
    """Print the results as a table."""
    print_table(
        ["id", "action", "connection", "last error", "skipped because"],
        [
            (result.row.id, result.row.action, result.row.connection, last_line(result.row.last_error), result.refused)
            for result in results
        ],
        empty=empty,
    )
