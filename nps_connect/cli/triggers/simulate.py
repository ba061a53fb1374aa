"""``nps-connect triggers simulate``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.options import Options, json_option, pass_options
from nps_connect.cli._support.output import console, format_time, pluralize, print_json, print_table
from nps_connect.cli._support.periods import parse_period
from nps_connect.cli._support.progress import progress_bar

if TYPE_CHECKING:
    from datetime import datetime

    from nps_connect.services.operations.simulate import SimulationDiff, SimulationResult

SHOWN = 50
COLUMNS = ("change", "contact", "survey", "trigger", "due_at", "due_before", "event_id")


@click.command()
@click.option("--since", default="30d", show_default=True, help="From this day on (2026-01-31), or for so long back.")
@click.option("--against", "new", type=click.Path(path_type=Path, exists=True), metavar="NEW.toml", help="What to try.")
@click.option("--csv", "csv_file", type=click.Path(path_type=Path), metavar="FILE", help="Write the people to a file.")
@json_option
@pass_options
def simulate(options: Options, since: str, new: Path | None, csv_file: Path | None, as_json: bool) -> None:
    """Run the rules over recorded events; nothing is sent or written.

    With --against: the rules of another configuration, compared with the present one. People are named by connection and
    id only.
    """
    from nps_connect.services.operations.simulate import compare_results

    settings = options.settings()
    begin = parse_period(settings, since, None)[0]
    assert begin is not None  # noqa: S101  # --since has a default
    present = _run(options, begin, "present rules", hidden=as_json)
    changed = Options(new, debug=options.debug)
    tried = _run(changed, begin, "new rules", hidden=as_json, ledger_of=options) if new else present
    difference = compare_results(present, tried)
    if csv_file is not None:
        _write(csv_file, tried, difference)
    if as_json:
        print_json(
            {
                "since": begin,
                "events": tried.events,
                "reasons": {"present": present.reasons, "new": tried.reasons},
                "never_completed": {"present": present.never_completed, "new": tried.never_completed},
                "surveys": [asdict(one) for one in tried.surveys],
                "added": [asdict(one) for one in difference.added],
                "removed": [asdict(one) for one in difference.removed],
                "moved": [{"before": asdict(one), "after": asdict(other)} for one, other in difference.moved],
            }
        )
        return
    _print(present, tried, difference, settings.core.zone, compared=new is not None)


def _run(
    options: Options, since: datetime, what: str, *, hidden: bool, ledger_of: Options | None = None
) -> SimulationResult:
    from dataclasses import replace

    from nps_connect.app.application import build_application
    from nps_connect.services.operations.simulate import simulate

    with (ledger_of or options).ledger() as (ledger, _):
        checked = options.checked()
        application = build_application(checked.settings, checked.plugins, checked.connections, ledger)
        with progress_bar(what, hidden=hidden) as told:
            return simulate(replace(application.ctx, wake=lambda _queue_name: None), since, told)


def _rows(tried: SimulationResult, difference: SimulationDiff) -> list[dict[str, Any]]:
    before = {id(after): old.due_at for old, after in difference.moved}
    added = {id(one) for one in difference.added}
    rows = []
    for one in tried.surveys:
        change = "added" if id(one) in added else "moved" if id(one) in before else "same"
        rows.append({"change": change, **asdict(one), "due_before": before.get(id(one))})
    return rows + [{"change": "removed", **asdict(one), "due_before": None} for one in difference.removed]


def _write(path: Path, tried: SimulationResult, difference: SimulationDiff) -> None:
    import csv

    try:
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, COLUMNS)
            writer.writeheader()
            writer.writerows(_rows(tried, difference))
    except OSError as error:
        raise CommandError(f"cannot write {path}: {error.strerror}") from None


def _print(
    present: SimulationResult, tried: SimulationResult, difference: SimulationDiff, zone: tzinfo, *, compared: bool
) -> None:
    reasons = sorted(present.reasons.keys() | tried.reasons.keys())
    heads: Sequence[str] = ["reason", "present", "new"] if compared else ["reason", "decisions"]
    counts = [(reason, present.reasons[reason], *([tried.reasons[reason]] if compared else [])) for reason in reasons]
    print_table(heads, counts, empty="no trigger listened to any event")
    told = f"{pluralize(tried.events, 'event', 'events')}; {pluralize(len(tried.surveys), 'survey', 'surveys')}"
    if compared:
        changes = (difference.added, difference.removed, difference.moved)
        told += "; {} added, {} removed, {} moved".format(*map(len, changes))
    rows = [row for row in _rows(tried, difference) if row["change"] != "same" or not compared]
    print_table(
        ["change", "contact", "survey", "due", "before"] if compared else ["contact", "survey", "trigger", "due"],
        [_table_row(row, zone, compared=compared) for row in rows[:SHOWN]],
        empty="nobody would notice a difference" if compared else "nobody would be surveyed",
    )
    if len(rows) > SHOWN:
        told += f"; {len(rows) - SHOWN} more {'differences' if compared else 'surveys'}: see them with --csv FILE"
    console().print(told)
    if tried.never_completed:
        unknown = pluralize(tried.never_completed, "event", "events")
        console().print(
            f"never completed: {unknown}; people unknown. No trigger listened when they came in, so nobody asked whom "
            "they are about: the real rules may reach people by such events who are not told here."
        )


def _table_row(row: dict[str, Any], zone: tzinfo, *, compared: bool) -> tuple[object, ...]:
    due = format_time(row["due_at"], zone)
    if not compared:
        return (row["contact"], row["survey"], row["trigger"], due)
    return (row["change"], row["contact"], row["survey"], due, format_time(row["due_before"], zone))
