"""What ``deliveries retry`` and ``deliveries cancel`` share: which deliveries are meant, and telling of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from nps_connect.cli._support.output import last_line, print_table

if TYPE_CHECKING:
    from sqlmodel import Session

    from nps_connect.ledger.tables import DeliveryRow
    from nps_connect.services.deliveries.retry import OperatorResult
    from nps_connect.services.deliveries.selection import DeliverySelection
    from nps_connect.settings.model import Settings

F = TypeVar("F", bound=Callable[..., Any])


class MomentParam(click.ParamType[datetime]):
    """A moment: a date, a date with a time (of the company's zone), or how long ago, such as ``2d``."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:  # noqa: ANN401
        """Aware if it was told as a time that has passed, else naive, in the company's zone."""
        from nps_connect.connection import system_clock
        from nps_connect.settings.durations import parse_duration

        try:
            return system_clock() - parse_duration(value)
        except ValueError:
            pass
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a moment: write 2026-11-21, 2026-11-21T14:00 or how long ago, such as 2d")


def selection_options(command: F) -> F:
    """``[ID]... --all --connection --action --error --since --until``."""
    for decorate in (
        click.option("--until", type=MomentParam(), help="With --all: only created before then."),
        click.option(
            "--since", type=MomentParam(), help="With --all: only created since then, such as 2026-11-21 or 2d."
        ),
        click.option("--error", help="With --all: only with this kind of error, or this text in it."),
        click.option("--action", help="With --all: only this action, such as open_ticket."),
        click.option("--connection", help="With --all: only on this connection."),
        click.option("--all", "everything", is_flag=True, help="All that there are, or those that the filters leave."),
        click.argument("ids", metavar="[ID]...", type=int, nargs=-1),
    ):
        command = decorate(command)
    return command


def parse_selection(
    ids: tuple[int, ...], everything: bool, settings: Settings, filters: dict[str, Any]
) -> tuple[int, ...] | DeliverySelection:
    """The deliveries that were named, or the choice that was made."""
    from nps_connect.services.deliveries.selection import DeliverySelection

    chosen = {name: value for name, value in filters.items() if value is not None}
    for name in ("since", "until"):
        if name in chosen and chosen[name].tzinfo is None:
            chosen[name] = chosen[name].replace(tzinfo=settings.core.zone)
    return DeliverySelection(**chosen) if everything else ids


def require_ids_or_all(ids: tuple[int, ...], everything: bool, filters: dict[str, Any]) -> None:
    """Deliveries are named by id, or chosen; not both, and never all by accident."""
    filtered = any(value is not None for value in filters.values())
    if bool(ids) == everything or (filtered and not everything):
        raise click.UsageError("name deliveries by ID, or choose with --all, --connection, --action, --error, --since")


def load_selected(
    session: Session, meant: tuple[int, ...] | DeliverySelection, states: tuple[str, ...]
) -> list[DeliveryRow]:
    """The deliveries that are meant, locked.

    Raises:
        Failure: an id that there is not.
    """
    from nps_connect.cli._support.errors import CommandError
    from nps_connect.services.deliveries.retry import load_deliveries_by_id
    from nps_connect.services.deliveries.selection import select_deliveries

    if not isinstance(meant, tuple):
        return select_deliveries(session, meant, states)
    rows = load_deliveries_by_id(session, list(meant))
    unknown = set(meant) - {row.id for row in rows}
    if unknown:
        raise CommandError(f"there is no delivery {', '.join(map(str, sorted(unknown)))}")
    return rows


def result_json(one: OperatorResult, done: str) -> dict[str, object]:
    """One line of ``--json``."""
    row = one.row
    return {
        "id": row.id,
        "action": row.action,
        "connection": row.connection,
        "state": row.state,
        done: one.refused is None,
        "refused": one.refused,
    }


def print_results(planned: list[OperatorResult], *, empty: str) -> None:
    """The table for people."""
    print_table(
        ["id", "action", "connection", "last error", "stays because"],
        [
            (one.row.id, one.row.action, one.row.connection, last_line(one.row.last_error), one.refused)
            for one in planned
        ],
        empty=empty,
    )
