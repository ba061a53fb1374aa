"""``nps-connect events replay``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from nps_connect.cli.events.choosing import choosing, chosen
from nps_connect.cli.lazy import Command
from nps_connect.cli.options import Options, json_option, pass_options
from nps_connect.cli.output import counted, print_json

if TYPE_CHECKING:
    from nps_connect.flows.replay import Chosen

MOST = 100_000
STEP = 500


@click.command(cls=Command)
@click.argument("ids", metavar="[ID]...", type=int, nargs=-1)
@choosing
@click.option("--again", "why", metavar="REASON", help="Decide anew what a mended configuration can change, and why.")
@click.option("--dry-run", is_flag=True, help="Say how many, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@pass_options
def replay(
    options: Options,
    ids: tuple[int, ...],
    connection: str | None,
    state: str | None,
    since: str | None,
    until: str | None,
    raw: bool,
    why: str | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Let events go through the walk again, or webhooks that could not be read (--raw --state dead).

    What has been decided stays decided, nobody is asked twice, and old events decide "too old". With --again REASON,
    what was decided "no" for a reason that the configuration can change (such as a wrong filter) is decided anew;
    never a yes, and never what the person or an operator refused. Both stay told in explain.
    """
    from nps_connect.connection import system_clock
    from nps_connect.flows import replay as flow
    from nps_connect.ledger.tables import EventRow, RawRequest

    if not ids and not any((connection, state, since, until)):
        raise click.UsageError("name events by ID, or choose with --connection, --state, --since and --until")
    if why is not None and (raw or not why.strip()):
        raise click.UsageError("--again decides on events: without --raw, and with a reason in words")
    wanted = chosen(ids, connection, state, since, until)
    if why is not None:
        _again(options, wanted, why.strip(), dry_run=dry_run, yes=yes, as_json=as_json)
        return
    table = RawRequest if raw else EventRow
    with options.ledger() as (ledger, _):
        with ledger.read() as session:
            found = [row.id or 0 for row in flow.find(session, table, wanted, MOST) if row.state in flow.STILL]
        noun = counted(len(found), "webhook" if raw else "event", "webhooks" if raw else "events")
        replayed = 0
        if found and not dry_run:
            if not yes:
                click.confirm(f"Replay {noun}?", abort=True, err=True)
            for begin in range(0, len(found), STEP):
                with ledger.write() as session:
                    replayed += len(flow.replay(session, table, found[begin : begin + STEP], system_clock()))
    if as_json:
        print_json({"found": len(found), "replayed": replayed})
    else:
        click.echo(f"Would replay {noun}." if dry_run or not found else f"Replayed {noun}; due now.")


def _again(options: Options, wanted: Chosen, why: str, *, dry_run: bool, yes: bool, as_json: bool) -> None:
    from nps_connect.connection import system_clock
    from nps_connect.flows import again
    from nps_connect.flows.replay import find
    from nps_connect.ledger.tables import EventRow

    with options.ledger() as (ledger, settings):
        labels = [trigger.label for trigger in settings.triggers]
        with ledger.read() as session:
            ids = [row.id for row in find(session, EventRow, wanted, MOST) if row.state in again.RESTING]
            parts = [ids[begin : begin + STEP] for begin in range(0, len(ids), STEP)]
            found = again.counted([row for part in parts for row in again.find_again(session, part, labels)])
        told = f"{counted(found.decisions, 'decision', 'decisions')} on {counted(found.events, 'event', 'events')}"
        told += f", about {counted(found.people, 'person', 'people')}"
        told += f" and {counted(found.unknown, 'event', 'events')} of nobody known" if found.unknown else ""
        redone = 0
        if found.decisions and not dry_run:
            if not yes:
                click.confirm(f"Make {told}, again? Mail may reach them.", abort=True, err=True)
            for part in parts:
                with ledger.write() as session:
                    redone += len(again.decide_again(session, part, labels, why=why, now=system_clock()))
    if as_json:
        print_json({"found": asdict(found), "redone": redone})
    elif dry_run or not found.decisions:
        click.echo(f"Would make {told}, again.")
    else:
        click.echo(f"{counted(redone, 'decision', 'decisions')} will be made again; due now.")
