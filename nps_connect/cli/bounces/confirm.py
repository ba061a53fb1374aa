"""``nps-connect bounces confirm``."""

from __future__ import annotations

import click

from nps_connect.cli._support.brake_decision import decide_brake
from nps_connect.cli._support.completion import complete_connection
from nps_connect.cli._support.options import Options, command, confirm_options


@command
@click.argument("connection", shell_complete=complete_connection)
@confirm_options
def confirm(options: Options, connection: str, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Confirm that the refused mailboxes of CONNECTION are dead, and resume its mail.

    So many bounces within an hour had held it that a mistake of a mail server was likely. For a day, mail is held again
    only at twice the confirmed share.
    """
    from nps_connect.services.suppressions.bounce_brake import confirm_brake

    question = "Suppress {mailboxes} for good and resume mail?"
    decision = decide_brake(
        options, connection, confirm_brake, question=question, dry_run=dry_run, yes=yes, as_json=as_json
    )
    if not as_json and not dry_run:
        click.echo(f"Suppressed for good: {decision.suppressions}. Mail of connection {connection} goes on.")
