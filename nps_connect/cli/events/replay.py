"""``nps-connect events replay``."""

from __future__ import annotations

from typing import Any

import click

from nps_connect.cli._support.confirm import confirm
from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.event_selection import FILTER_OPTIONS, event_filter_options, parse_event_selection
from nps_connect.cli._support.lazy_group import Command
from nps_connect.cli._support.options import Options, json_option, pass_options
from nps_connect.cli._support.output import pluralize, print_json
from nps_connect.cli._support.progress import progress_bar
from nps_connect.cli._support.redecide_events import redecide_events


@click.command(cls=Command)
@click.argument("ids", metavar="[ID]...", type=int, nargs=-1)
@event_filter_options
@click.option("--again", "why", metavar="REASON", help="Decide anew what a mended configuration can change, and why.")
@click.option("--dry-run", is_flag=True, help="Say how many and about how many people, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@pass_options
def replay(
    options: Options,
    /,
    ids: tuple[int, ...],
    why: str | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    **given: Any,  # noqa: ANN401  # texts and flags
) -> None:
    """Let events go through the walk again, or webhooks that could not be read (--raw --state dead).

    What has been decided stays decided, nobody is asked twice, and old events decide "too old". With --again, what was
    decided "no" for a reason that an edit of the configuration can do away with is decided anew.
    """
    from nps_connect.connection import system_clock
    from nps_connect.ledger.tables import EventRow, RawRequest
    from nps_connect.services.intake import replay as flow

    if not ids and not any(given[name] for name in FILTER_OPTIONS):
        raise click.UsageError("name events by ID, or choose with " + ", ".join(f"--{name}" for name in FILTER_OPTIONS))
    if why is not None and (given["raw"] or not why.strip()):
        raise click.UsageError("--again decides on events: without --raw, and with a reason in words")
    table, noun = (RawRequest, "webhook") if given["raw"] else (EventRow, "event")
    with options.ledger() as (ledger, settings):
        with ledger.read() as session:
            wanted = parse_event_selection(session, settings, given, ids)
            unknown = flow.missing_ids(session, table, ids)
            found = flow.measure_replay(session, table, wanted)
        if unknown:
            raise CommandError(f"there is no {noun} {', '.join(map(str, unknown))}; see: nps-connect events list")
        if why is not None:
            redecide_events(ledger, settings, wanted, why.strip(), dry_run=dry_run, yes=yes, as_json=as_json)
            return
        told = pluralize(found.rows, noun, f"{noun}s")
        if not given["raw"]:
            told += f" about {pluralize(found.people, 'person', 'people')}"
        replayed = 0
        if found.rows and not dry_run:
            confirm(f"Replay {told}?", yes=yes)
            with progress_bar("replaying", hidden=as_json) as tell:
                for batch in flow.iter_id_batches(ledger, table, wanted, found.last):
                    with ledger.write() as session:
                        replayed += len(flow.replay(session, table, batch, system_clock()))
                    tell(replayed, found.rows)
    if as_json:
        print_json({"found": found.rows, "people": found.people, "replayed": replayed})
    else:
        click.echo(f"Would replay {told}." if dry_run or not found.rows else f"Replayed {told}; due now.")
