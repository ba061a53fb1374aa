"""What ``events replay --again`` does: decisions that a mended configuration can change are made anew."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from nps_connect.cli.asking import ask
from nps_connect.cli.output import counted, print_json
from nps_connect.cli.progress import progress

if TYPE_CHECKING:
    from nps_connect.flows.intake.replay import Chosen
    from nps_connect.ledger.ledger import Ledger
    from nps_connect.settings.model import Settings


def redo(
    ledger: Ledger, settings: Settings, wanted: Chosen, why: str, *, dry_run: bool, yes: bool, as_json: bool
) -> None:
    """Say whom it may reach, ask, and let the decisions be made anew.

    Args:
        ledger: open.
        settings: with the triggers as they are now.
        wanted: the events that are meant.
        why: what the operator wrote down.
        dry_run: change nothing.
        yes: do not ask.
        as_json: print data.
    """
    from nps_connect.connection import system_clock
    from nps_connect.flows.deciding import again
    from nps_connect.flows.intake.replay import batches, extent
    from nps_connect.ledger.tables import EventRow

    labels = [trigger.label for trigger in settings.triggers]
    with ledger.read() as session:
        all_of_them = extent(session, EventRow, wanted, states=again.RESTING)
        parts = list(batches(ledger, EventRow, wanted, all_of_them.last, states=again.RESTING))
        found = again.counted([row for part in parts for row in again.find_again(session, part, labels)])
    told = f"{counted(found.decisions, 'decision', 'decisions')} on {counted(found.events, 'event', 'events')}"
    told += f", about {counted(found.people, 'person', 'people')}"
    told += f" and {counted(found.unknown, 'event', 'events')} of nobody known" if found.unknown else ""
    redone = 0
    if found.decisions and not dry_run:
        ask(f"Make {told}, again? Mail may reach them.", yes=yes)
        with progress("deciding anew", hidden=as_json) as tell:
            for done, part in enumerate(parts, 1):
                with ledger.write() as session:
                    redone += len(again.decide_again(session, part, labels, why=why, now=system_clock()))
                tell(done, len(parts))
    if as_json:
        print_json({"found": asdict(found), "redone": redone})
    elif dry_run or not found.decisions:
        click.echo(f"Would make {told}, again.")
    else:
        click.echo(f"{counted(redone, 'decision', 'decisions')} will be made again; due now.")
