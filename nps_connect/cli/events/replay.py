"""``nps-connect events replay``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from nps_connect.cli._support.actor import audit_command
from nps_connect.cli._support.confirm import confirm
from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.event_selection import event_filter_options, parse_event_selection
from nps_connect.cli._support.list_options import ListFilters
from nps_connect.cli._support.options import Options, command, confirm_options
from nps_connect.cli._support.output import pluralize, print_json
from nps_connect.cli._support.progress import progress_bar

if TYPE_CHECKING:
    from nps_connect.ledger.ledger import Ledger
    from nps_connect.services.intake.replay import ReplayFilter
    from nps_connect.settings.model import Settings


@command
@click.argument("ids", metavar="[ID]...", type=int, nargs=-1)
@event_filter_options(pages=False)
@click.option(
    "--again",
    "reason",
    metavar="REASON",
    help="Redecide events that the previous configuration rejected; REASON is recorded.",
)
@confirm_options
def replay(
    options: Options,
    ids: tuple[int, ...],
    filters: ListFilters,
    kind: str | None,
    raw: bool,
    reason: str | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Reprocess events after a fix, or unreadable webhooks (--raw --state dead).

    Existing decisions are kept, nobody is surveyed twice, and old events are rejected as too old. With --again,
    decisions "no" that a configuration change can affect are made again.
    """
    from nps_connect.ledger.tables import EventRow, RawRequest
    from nps_connect.services.intake.replay import missing_ids

    if not ids and filters == ListFilters() and kind is None:
        raise click.UsageError(
            "give event IDs, or filter with --connection, --state, --kind, --contact, --since, --until"
        )
    if reason is not None and (raw or not reason.strip()):
        raise click.UsageError("--again requires a non-empty reason and cannot be combined with --raw")
    table, noun = (RawRequest, "webhook") if raw else (EventRow, "event")
    with options.open_ledger(writes=True) as (ledger, settings):
        with ledger.read() as session:
            selection = parse_event_selection(session, settings, filters, kind=kind, raw=raw, ids=ids)
            missing = missing_ids(session, table, ids)
        if missing:
            raise CommandError(f"there is no {noun} {', '.join(map(str, missing))}; see: nps-connect events list")
        if reason is not None:
            _redecide(ledger, settings, selection, reason.strip(), dry_run=dry_run, yes=yes, as_json=as_json)
        else:
            _replay(ledger, table, selection, noun, dry_run=dry_run, yes=yes, as_json=as_json)


def _replay(
    ledger: Ledger,
    table: Any,  # noqa: ANN401  # EventRow or RawRequest
    selection: ReplayFilter,
    noun: str,
    *,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Ask for confirmation and make the selected rows due again."""
    from nps_connect.connection import system_clock
    from nps_connect.services.intake.replay import iter_id_batches, measure_replay, replay

    with ledger.read() as session:
        totals = measure_replay(session, table, selection)
    summary = pluralize(totals.rows, noun, f"{noun}s")
    if noun == "event":
        summary += f" about {pluralize(totals.people, 'person', 'people')}"
    replayed = 0
    if totals.rows and not dry_run:
        confirm(f"Replay {summary}?", yes=yes)
        with ledger.write() as session:
            audit_command(session, summary)
        with progress_bar("replaying", hidden=as_json) as update_progress:
            for batch in iter_id_batches(ledger, table, selection, totals.last):
                with ledger.write() as session:
                    replayed += len(replay(session, table, batch, system_clock()))
                update_progress(replayed, totals.rows)
    if as_json:
        print_json({"found": totals.rows, "people": totals.people, "replayed": replayed})
    elif dry_run or not totals.rows:
        click.echo(f"Would replay {summary}.")
    else:
        click.echo(f"Replayed {summary}; due now.")


def _redecide(
    ledger: Ledger,
    settings: Settings,
    selection: ReplayFilter,
    reason: str,
    *,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Ask for confirmation and redo the decisions that the current triggers can change."""
    from nps_connect.connection import system_clock
    from nps_connect.ledger.tables import EventRow
    from nps_connect.services.intake.replay import iter_id_batches, measure_replay
    from nps_connect.services.operations import redecide

    labels = [trigger.label for trigger in settings.all_triggers]
    with ledger.read() as session:
        last_id = measure_replay(session, EventRow, selection, states=redecide.IDLE_STATES).last
        batches = list(iter_id_batches(ledger, EventRow, selection, last_id, states=redecide.IDLE_STATES))
        counts = redecide.count_redecidable(
            [row for batch in batches for row in redecide.find_redecidable(session, batch, labels)]
        )
    summary = f"{pluralize(counts.decisions, 'decision', 'decisions')} on {pluralize(counts.events, 'event', 'events')}"
    summary += f", about {pluralize(counts.people, 'person', 'people')}"
    if counts.without_contact:
        summary += f" and {pluralize(counts.without_contact, 'event', 'events')} without a known contact"
    redecided = 0
    if counts.decisions and not dry_run:
        confirm(f"Redo {summary}? This can send mail to them.", yes=yes)
        with ledger.write() as session:
            audit_command(session, summary, reason=reason)
        with progress_bar("redeciding", hidden=as_json) as update_progress:
            for number, batch in enumerate(batches, 1):
                with ledger.write() as session:
                    redecided += len(redecide.redecide(session, batch, labels, reason=reason, now=system_clock()))
                update_progress(number, len(batches))
    if as_json:
        print_json({"found": asdict(counts), "redone": redecided})
    elif dry_run or not counts.decisions:
        click.echo(f"Would redo {summary}.")
    else:
        click.echo(f"Redoing {pluralize(redecided, 'decision', 'decisions')}; due now.")
