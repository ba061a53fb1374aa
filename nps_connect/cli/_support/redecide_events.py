"""What ``events replay --again`` does: decisions that a mended configuration can change are made anew."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from nps_connect.cli._support.confirm import confirm
from nps_connect.cli._support.output import pluralize, print_json
from nps_connect.cli._support.progress import progress_bar

if TYPE_CHECKING:
    from nps_connect.ledger.ledger import Ledger
    from nps_connect.services.intake.replay import ReplayFilter
    from nps_connect.settings.model import Settings


def redecide_events(
    ledger: Ledger, settings: Settings, wanted: ReplayFilter, why: str, *, dry_run: bool, yes: bool, as_json: bool
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
    from nps_connect.ledger.tables import EventRow
    from nps_connect.services.intake.replay import iter_id_batches, measure_replay
    from nps_connect.services.operations import redecide

    labels = [trigger.label for trigger in settings.triggers]
    with ledger.read() as session:
        all_of_them = measure_replay(session, EventRow, wanted, states=redecide.IDLE_STATES)
        parts = list(iter_id_batches(ledger, EventRow, wanted, all_of_them.last, states=redecide.IDLE_STATES))
        found = redecide.count_redecidable(
            [row for part in parts for row in redecide.find_redecidable(session, part, labels)]
        )
    told = f"{pluralize(found.decisions, 'decision', 'decisions')} on {pluralize(found.events, 'event', 'events')}"
    told += f", about {pluralize(found.people, 'person', 'people')}"
    told += (
        f" and {pluralize(found.without_contact, 'event', 'events')} of nobody known" if found.without_contact else ""
    )
    redone = 0
    if found.decisions and not dry_run:
        confirm(f"Make {told}, again? Mail may reach them.", yes=yes)
        with progress_bar("deciding anew", hidden=as_json) as tell:
            for done, part in enumerate(parts, 1):
                with ledger.write() as session:
                    redone += len(redecide.redecide(session, part, labels, reason=why, now=system_clock()))
                tell(done, len(parts))
    if as_json:
        print_json({"found": asdict(found), "redone": redone})
    elif dry_run or not found.decisions:
        click.echo(f"Would make {told}, again.")
    else:
        click.echo(f"{pluralize(redone, 'decision', 'decisions')} will be made again; due now.")
