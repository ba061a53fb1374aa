"""``nps-connect triggers simulate``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import console, open_output, pluralize, print_json, print_table
from nps_connect.cli._support.periods import parse_period
from nps_connect.cli._support.progress import progress_bar

if TYPE_CHECKING:
    from datetime import datetime

    from nps_connect.services.operations.simulate import SimulatedSurvey, SimulationResult
    from nps_connect.services.operations.simulate_routes import SimulatedAction
    from nps_connect.services.operations.simulation_diff import SimulationDiff

MAX_SHOWN = 50
COLUMNS = ("change", "contact", "survey", "trigger", "due_at", "due_before", "event_id")


@command
@click.option("--since", default="30d", show_default=True, help="Start: a day (2026-01-31) or an age.")
@click.option(
    "--against",
    type=click.Path(path_type=Path, exists=True),
    metavar="NEW.toml",
    help="Compare with this configuration.",
)
@click.option(
    "--csv", "csv_file", type=click.Path(path_type=Path), metavar="FILE", help="Write the people to a CSV file."
)
def simulate(options: Options, since: str, against: Path | None, csv_file: Path | None, as_json: bool) -> None:
    """Evaluate triggers and routes against recorded events and responses; nothing is sent or written.

    With --against, compare the current configuration with another one, which uses the secrets and the folder of the
    current one. People are shown by connection and id only.
    """
    from nps_connect.services.operations.simulate import compare_results
    from nps_connect.services.operations.simulate_routes import compare_actions

    settings = options.load_settings()
    start = parse_period(settings, since, None)[0]
    assert start is not None  # noqa: S101  # --since has a default
    current, current_actions = _run(options, start, "current rules", hidden=as_json)
    new, new_actions = current, current_actions
    if against is not None:
        new_options = options.of_version(against)
        new, new_actions = _run(new_options, start, "new rules", hidden=as_json, ledger_of=options)
    difference, route_difference = compare_results(current, new), compare_actions(current_actions, new_actions)
    if csv_file is not None:
        _write_csv(csv_file, new, difference)
    if as_json:
        print_json(
            {
                "since": start,
                "events": new.events,
                "reasons": {"present": current.reasons, "new": new.reasons},
                "never_completed": {"present": current.never_completed, "new": new.never_completed},
                "surveys": [asdict(survey) for survey in new.surveys],
                "added": [asdict(survey) for survey in difference.added],
                "removed": [asdict(survey) for survey in difference.removed],
                "moved": [{"before": asdict(old), "after": asdict(moved)} for old, moved in difference.moved],
                "routes": _routes_json(new_actions, route_difference),
            }
        )
        return
    _print(current, new, difference, options.zone(settings), is_comparison=against is not None)
    _print_routes(new_actions, route_difference, options.zone(settings), is_comparison=against is not None)


def _run(
    options: Options, since: datetime, description: str, *, hidden: bool, ledger_of: Options | None = None
) -> tuple[SimulationResult, list[SimulatedAction]]:
    from nps_connect.app.application import build_application
    from nps_connect.services.operations.simulate import simulate
    from nps_connect.services.operations.simulate_routes import simulate_routes

    with (ledger_of or options).open_ledger() as (ledger, _):
        config = options.load_checked()
        application = build_application(config.settings, config.plugins, config.connections, ledger)
        with progress_bar(description, hidden=hidden) as update_progress:
            return simulate(application.ctx, since, update_progress), simulate_routes(application.ctx, since)


def _build_rows(new: SimulationResult, difference: SimulationDiff[SimulatedSurvey]) -> list[dict[str, Any]]:
    due_before = {id(moved): old.due_at for old, moved in difference.moved}
    added = {id(survey) for survey in difference.added}
    rows = []
    for survey in new.surveys:
        change = "added" if id(survey) in added else "moved" if id(survey) in due_before else "same"
        rows.append({"change": change, **asdict(survey), "due_before": due_before.get(id(survey))})
    return rows + [{"change": "removed", **asdict(survey), "due_before": None} for survey in difference.removed]


def _write_csv(path: Path, new: SimulationResult, difference: SimulationDiff[SimulatedSurvey]) -> None:
    import csv

    with open_output(path) as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(_build_rows(new, difference))


def _print(
    current: SimulationResult,
    new: SimulationResult,
    difference: SimulationDiff[SimulatedSurvey],
    zone: tzinfo,
    *,
    is_comparison: bool,
) -> None:
    headings: Sequence[str] = ["reason", "current", "new"] if is_comparison else ["reason", "decisions"]
    counts = [
        (reason, current.reasons[reason], *([new.reasons[reason]] if is_comparison else []))
        for reason in sorted(current.reasons.keys() | new.reasons.keys())
    ]
    print_table(headings, counts, empty="no trigger uses any of these events")
    rows = [row for row in _build_rows(new, difference) if row["change"] != "same" or not is_comparison]
    print_table(
        ["change", "contact", "survey", "due", "before"] if is_comparison else ["contact", "survey", "trigger", "due"],
        [_table_row(row, is_comparison=is_comparison) for row in rows[:MAX_SHOWN]],
        empty="no difference" if is_comparison else "nobody would be surveyed",
        zone=zone,
    )
    summary = f"{pluralize(new.events, 'event', 'events')}; {pluralize(len(new.surveys), 'survey', 'surveys')}"
    if is_comparison:
        changes = (difference.added, difference.removed, difference.moved)
        summary += "; {} added, {} removed, {} moved".format(*map(len, changes))
    if len(rows) > MAX_SHOWN:
        noun = "differences" if is_comparison else "surveys"
        summary += f"; {len(rows) - MAX_SHOWN} more {noun}: write all of them with --csv FILE"
    console().print(summary)
    if new.never_completed:
        events = pluralize(new.never_completed, "event", "events")
        console().print(
            f"Not simulated: {events} without known contacts. No trigger used them when they arrived, so their "
            "contacts were never looked up; with the new rules they can reach people who are not listed here."
        )


def _table_row(row: dict[str, Any], *, is_comparison: bool) -> tuple[object, ...]:
    if not is_comparison:
        return (row["contact"], row["survey"], row["trigger"], row["due_at"])
    return (row["change"], row["contact"], row["survey"], row["due_at"], row["due_before"])


def _routes_json(actions: Sequence[SimulatedAction], difference: SimulationDiff[SimulatedAction]) -> dict[str, Any]:
    return {
        "actions": [action._asdict() for action in actions],
        "added": [action._asdict() for action in difference.added],
        "removed": [action._asdict() for action in difference.removed],
        "moved": [{"before": old._asdict(), "after": new._asdict()} for old, new in difference.moved],
    }


def _print_routes(
    actions: Sequence[SimulatedAction],
    difference: SimulationDiff[SimulatedAction],
    zone: tzinfo,
    *,
    is_comparison: bool,
) -> None:
    """Print what the routes would do: the number of actions, or the differences one by one."""
    responses = pluralize(len({action.response for action in actions}), "response", "responses")
    summary = f"{responses}; {pluralize(len(actions), 'action', 'actions')}"
    if not is_comparison:
        counts = Counter((action.action, action.via) for action in actions)
        rows = [(action, via, number) for (action, via), number in sorted(counts.items())]
        print_table(["action", "via", "responses"], rows, empty="no route would do anything")
        console().print(summary)
        return
    differences: list[tuple[str, SimulatedAction, datetime | None]] = []
    differences += [("added", action, None) for action in difference.added]
    differences += [("removed", action, None) for action in difference.removed]
    differences += [("moved", new, old.due_at) for old, new in difference.moved]
    print_table(
        ["change", "contact", "action", "via", "due", "before"],
        [
            (change, action.contact, action.action, action.via, action.due_at, before)
            for change, action, before in differences[:MAX_SHOWN]
        ],
        empty="no difference of routes",
        zone=zone,
    )
    changes = (difference.added, difference.removed, difference.moved)
    summary += "; {} added, {} removed, {} moved".format(*map(len, changes))
    if len(differences) > MAX_SHOWN:
        summary += f"; {len(differences) - MAX_SHOWN} more: write all of them with --json"
    console().print(summary)
