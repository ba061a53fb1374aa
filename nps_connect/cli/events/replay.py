"""``nps-connect events replay``."""

from __future__ import annotations

import click

from nps_connect.cli.events.choosing import choosing, chosen
from nps_connect.cli.lazy import Command
from nps_connect.cli.options import Options, json_option, pass_options
from nps_connect.cli.output import counted, print_json

MOST = 100_000


@click.command(cls=Command)
@click.argument("ids", metavar="[ID]...", type=int, nargs=-1)
@choosing
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
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Let events go through the walk again, or webhooks that could not be read (--raw --state dead).

    What has been decided stays decided, nobody is asked twice, and old events decide "too old".
    """
    from nps_connect.connection import system_clock
    from nps_connect.flows import replay as flow
    from nps_connect.ledger.tables import EventRow, RawRequest

    if not ids and not any((connection, state, since, until)):
        raise click.UsageError("name events by ID, or choose with --connection, --state, --since and --until")
    wanted = chosen(ids, connection, state, since, until)
    table = RawRequest if raw else EventRow
    with options.ledger() as (ledger, _):
        with ledger.read() as session:
            found = [row.id or 0 for row in flow.find(session, table, wanted, MOST) if row.state in flow.STILL]
        noun = counted(len(found), "webhook" if raw else "event", "webhooks" if raw else "events")
        replayed = 0
        if found and not dry_run:
            if not yes:
                click.confirm(f"Replay {noun}?", abort=True, err=True)
            for begin in range(0, len(found), 500):
                with ledger.write() as session:
                    replayed += flow.replay(session, table, found[begin : begin + 500], system_clock())
    if as_json:
        print_json({"found": len(found), "replayed": replayed})
    else:
        click.echo(f"Would replay {noun}." if dry_run or not found else f"Replayed {noun}; due now.")
