"""``nps-connect db restored``."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nps_connect.cli._support.actor import current_actor
from nps_connect.cli._support.confirm import confirm
from nps_connect.cli._support.options import Options, command, yes_option
from nps_connect.cli._support.output import format_time, pluralize, print_json
from nps_connect.cli._support.periods import parse_moment

if TYPE_CHECKING:
    from nps_connect.services.operations.restored import RestoreReport


@command
@click.option(
    "--taken-at", metavar="MOMENT", help="When the backup was taken, if earlier than the newest moment in it."
)
@click.option(
    "--journal",
    "journals",
    type=click.Path(path_type=Path),
    multiple=True,
    help="A further journal of opt-outs, such as state_dir/suppressions.log of another host; repeatable.",
)
@yes_option
def restored(options: Options, taken_at: str | None, journals: tuple[Path, ...], yes: bool, as_json: bool) -> None:
    """Deal with a database that was restored from a backup; until then nothing is sent.

    What may have been sent since the backup is in doubt: customer mail is held, tickets are looked up before they are
    opened, scores are written again. Opt-outs since then are read from the journal. If this host has no journal that is
    newer than the database, nobody who was mailed before is contacted until: nps-connect resume restored.
    """
    from nps_connect.ledger.audit_log import record_audit
    from nps_connect.ledger.process_lock import single_process_lock
    from nps_connect.services.operations.restored import mark_restored

    with options.open_application() as application, single_process_lock(application.ctx.ledger):
        settings = application.ctx.settings
        backup_at = parse_moment(taken_at, "--taken-at", settings.core.zone)
        confirm("Was this database restored from a backup, and is every process stopped?", yes=yes)
        report = mark_restored(application.ctx, taken_at=backup_at and backup_at.astimezone(UTC), journals=journals)
        with application.ctx.ledger.write() as session:
            record_audit(session, current_actor(), "db restored", "database", now=report.restored_at)
    print_report(report, options.zone(settings), as_json=as_json)


def print_report(report: RestoreReport, zone: tzinfo, *, as_json: bool, **more: object) -> None:
    """Print what was done after a restore; `more` is added to the JSON object."""
    if as_json:
        print_json(asdict(report) | more)
        return
    click.echo(
        f"The database knows nothing of what happened after {format_time(report.taken_at, zone) or 'its creation'}."
    )
    click.echo(f"Held, because they may have been sent: {pluralize(report.held, 'customer mail', 'customer mails')}.")
    if report.held:
        click.echo("  To list them: nps-connect deliveries list --state held")
    click.echo(f"Looked up before they are carried out: {pluralize(report.looked_up, 'delivery', 'deliveries')}.")
    click.echo(f"Carried out, perhaps again (scores, alerts): {pluralize(report.repeated, 'delivery', 'deliveries')}.")
    click.echo(f"Applied from the journal of opt-outs: {pluralize(report.suppressions, 'entry', 'entries')}.")
    if report.undecryptable:
        entries = pluralize(report.undecryptable, "entry", "entries")
        click.echo(f"warning: no configured signing key decrypts {entries}; add the old key and run again", err=True)
    if report.unconfirmed:
        people = pluralize(report.unconfirmed, "person is", "people are")
        click.echo(
            f"warning: there is no journal that is newer than the database: {people} not contacted. "
            "When you know who opted out: nps-connect resume restored",
            err=True,
        )
