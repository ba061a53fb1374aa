"""Shared by ``deliveries expedite``, ``retry``, ``cancel`` and ``settle``.

They select deliveries, change them, and report the results.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

import click

from nps_connect.cli._support.actor import audit_command, describe_targets
from nps_connect.cli._support.completion import complete_action, complete_id
from nps_connect.cli._support.confirm import confirm
from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.list_options import ListFilters, list_options
from nps_connect.cli._support.names import require_action
from nps_connect.cli._support.options import Options, confirm_options
from nps_connect.cli._support.output import attributes, last_line, pluralize, print_json, print_table
from nps_connect.cli._support.people import load_people_names, short_person

if TYPE_CHECKING:
    from sqlmodel import Session

    from nps_connect.ledger.tables import DeliveryRow
    from nps_connect.services.action_spec import ActionSpecs
    from nps_connect.services.deliveries.operator_actions import DeliverySelection, OperatorResult
    from nps_connect.settings.model import Settings

F = TypeVar("F", bound=Callable[..., Any])


class OperatorChange(Protocol):
    """Changes one locked delivery, or says why it does not."""

    def __call__(
        self, session: Session, row: DeliveryRow, *, actions: ActionSpecs, settings: Settings, now: datetime
    ) -> OperatorResult: ...


def selection_options(*states: str) -> Callable[[F], Callable[..., Any]]:
    """Return a decorator that adds ``[ID]... --all``, the filters of `deliveries list`, ``--dry-run`` and ``--yes``.

    Args:
        states: of the deliveries that the command can change.
    """

    def decorate(command: F) -> Callable[..., Any]:
        decorated = list_options(states=states, pages=False)(command)
        for option in (
            confirm_options,
            click.option("--error", help="With --all: only with this kind of error, or this text in the error."),
            click.option(
                "--action",
                help="With --all: only this action, such as open_ticket.",
                shell_complete=complete_action,
            ),
            click.option("--all", "select_all", is_flag=True, help="All deliveries that match the filters."),
            click.argument(
                "ids", metavar="[ID]...", type=int, nargs=-1, shell_complete=complete_id("tables.DeliveryRow")
            ),
        ):
            decorated = option(decorated)
        return decorated

    return decorate


class SelectedDelivery(NamedTuple):
    """A selected delivery with what an operator's action did to it.

    Attributes:
        result: of the action.
        state: before it.
        reason: why the delivery waited or failed before it.
        person: `contact` and `person` for ``--json``.
    """

    result: OperatorResult
    state: str
    reason: str | None
    person: dict[str, str | None]


@dataclass(frozen=True)
class SelectionTexts:
    """What a command says; `{deliveries}`, `{mails}` and `{customers}` are numbers with their noun.

    Attributes:
        empty: if nothing is selected.
        possible: how many of the selected deliveries can be changed, `{possible}` of `{total}`.
        question: before the change.
        done: after it.
        json_key: of a result, whether it was changed.
        asks_without_customers: the question is asked even if no mail to customers is concerned.
    """

    empty: str
    possible: str
    question: str
    done: str
    json_key: str
    asks_without_customers: bool = True


def change_selection(
    options: Options,
    states: tuple[str, ...],
    change: OperatorChange,
    texts: SelectionTexts,
    *,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    only_in_doubt: bool = False,
    is_audited_by_row: bool = False,
    **selected: Any,  # noqa: ANN401  # ids, texts and moments
) -> None:
    """Show what an operator's action would change, ask for confirmation, and do it.

    Args:
        options: the global options.
        states: deliveries that are selected by filters are limited to these states.
        change: changes one delivery, or refuses to.
        texts: what the command says.
        dry_run: change nothing.
        yes: ask nothing.
        as_json: print JSON.
        only_in_doubt: deliveries that are selected by filters are limited to those in doubt.
        is_audited_by_row: `change` itself records each delivery in the audit log, with a reason.
        selected: values of the options that choose deliveries, by name of the parameter.

    Raises:
        click.UsageError: ids and ``--all`` are both given or both missing, or filters are given without ``--all``.
        click.exceptions.Exit: with code 1, if none of the selected deliveries can be changed.
        CommandError: an id does not exist.
    """
    with options.open_ledger(writes=True) as (ledger, settings):
        with ledger.read() as session:  # rolled back
            selection = _parse_selection(session, settings, states, **selected)
            if not isinstance(selection, tuple):
                selection = replace(selection, only_in_doubt=only_in_doubt)
            results = _change_selected(session, selection, change, settings)
        counts = _count(results)
        is_possible = counts["possible"] > 0
        if not as_json:
            _print_results(results, empty=_describe_states(selected["filters"].state) or texts.empty)
            click.echo(_fill(texts.possible, counts))
        if is_possible and not dry_run:
            if counts["customers"] or texts.asks_without_customers:
                confirm(_fill(texts.question, counts), yes=yes)
            with ledger.write() as session:
                results = _change_selected(session, selection, change, settings)
                changed_ids = [chosen.result.row.id or 0 for chosen in results if chosen.result.refused is None]
                if changed_ids and not is_audited_by_row:
                    audit_command(session, describe_targets("delivery", "deliveries", changed_ids))
    if as_json:
        items = [_result_json(result, texts.json_key, dry_run=dry_run) for result in results]
        print_json({"items": items, "dry_run": dry_run, "customers": counts["customers"]})
    elif is_possible and not dry_run:
        click.echo(_fill(texts.done, _count(results)))
    if results and not is_possible:
        raise click.exceptions.Exit(1)


def _change_selected(
    session: Session,
    selection: tuple[int, ...] | DeliverySelection,
    change: OperatorChange,
    settings: Settings,
) -> list[SelectedDelivery]:
    from nps_connect.app.actions import ACTIONS
    from nps_connect.connection import system_clock
    from nps_connect.services.deliveries.expedite import waiting_reason

    rows, now = _load_selected(session, selection), system_clock()
    people = load_people_names(session, [row.contact_id for row in rows])
    results = []
    for row in rows:
        state, reason = row.state, waiting_reason(row, now)
        result = change(session, row, actions=ACTIONS, settings=settings, now=now)
        results.append(SelectedDelivery(result, state, reason, people.of(row.contact_id)))
    return results


def _describe_states(states: Sequence[str]) -> str | None:
    """Return that there is no delivery in the states of ``--state``; None if the option was not given."""
    return f"no {' or '.join(states)} deliveries" if states else None


def _count(results: list[SelectedDelivery]) -> dict[str, int]:
    """Return how many deliveries were selected and can be changed, and how many customers get mail by those."""
    from nps_connect.app.actions import ACTIONS

    rows = [selected.result.row for selected in results if selected.result.refused is None]
    customers = {row.contact_id for row in rows if ACTIONS[row.action].customer_facing}
    return {"total": len(results), "possible": len(rows), "customers": len(customers)}


def _fill(text: str, counts: dict[str, int]) -> str:
    return text.format(
        possible=counts["possible"],
        total=counts["total"],
        deliveries=pluralize(counts["possible"], "delivery", "deliveries"),
        mails=pluralize(counts["possible"], "mail", "mails"),
        customers=pluralize(counts["customers"], "customer", "customers"),
    )


def _parse_selection(
    session: Session,
    settings: Settings,
    states: tuple[str, ...],
    *,
    ids: tuple[int, ...],
    select_all: bool,
    filters: ListFilters,
    action: str | None,
    error: str | None,
) -> tuple[int, ...] | DeliverySelection:
    """Return the given ids, or the selection that the filters describe."""
    from sqlmodel import col

    from nps_connect.ledger.tables import DeliveryRow
    from nps_connect.services.deliveries.operator_actions import DeliverySelection

    has_filters = filters != ListFilters() or action is not None or error is not None
    if bool(ids) == select_all or (has_filters and not select_all):
        raise click.UsageError(
            "give delivery IDs, or --all with optional filters (--connection, --action, --error, ...)"
        )
    if not select_all:
        return ids
    since, until = filters.period(settings)
    return DeliverySelection(
        states=filters.state or states,
        contacts=filters.contact_ids(session, settings),
        connection=filters.known_connection(session, settings, col(DeliveryRow.connection)),
        action=require_action(action),
        error=error,
        since=since,
        until=until,
    )


def _load_selected(session: Session, selection: tuple[int, ...] | DeliverySelection) -> list[DeliveryRow]:
    """Return the selected deliveries, locked."""
    from nps_connect.services.deliveries.operator_actions import load_deliveries_by_id, select_deliveries

    if not isinstance(selection, tuple):
        return select_deliveries(session, selection)
    rows = load_deliveries_by_id(session, list(selection))
    missing_ids = set(selection) - {row.id for row in rows}
    if missing_ids:
        raise CommandError(f"there is no delivery {', '.join(map(str, sorted(missing_ids)))}")
    return rows


def _result_json(selected: SelectedDelivery, success_key: str, *, dry_run: bool) -> dict[str, object]:
    """Return one result for ``--json``; a rehearsal has changed nothing, and says what would be changed."""
    row, refused = selected.result.row, selected.result.refused
    return {
        **attributes(row, "id", "action", "connection"),
        "state": selected.state if dry_run else row.state,
        **selected.person,
        "reason": selected.reason,
        "possible": refused is None,
        success_key: refused is None and not dry_run,
        "refused": refused,
    }


def _print_results(results: list[SelectedDelivery], *, empty: str) -> None:
    """Print the results as a table."""
    rows = []
    for selected in results:
        row, refused = selected.result.row, selected.result.refused
        skipped = f"skipped: {refused}" if refused is not None else None
        reasons = "; ".join(text for text in (last_line(selected.reason), skipped) if text)
        rows.append((row.id, row.action, row.connection, short_person(selected.person), reasons))
    print_table(["id", "action", "connection", "person", "reason"], rows, empty=empty)
