"""``nps-connect bounces undo``."""

from __future__ import annotations

import click

from nps_connect.cli._support.brake_decision import decide_brake
from nps_connect.cli._support.completion import complete_connection
from nps_connect.cli._support.options import Options, command, confirm_options


@command
@click.argument("connection", shell_complete=complete_connection)
@confirm_options
def undo(options: Options, connection: str, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Undo the suppressions of an hour in which CONNECTION was refused by mistake, and resume its mail.

    Mails that the suppressions had cancelled are due again. Mails that were refused, or that came back later without a
    response, are dead until you retry them.
    """
    from nps_connect.services.suppressions.bounce_brake import undo_brake

    question = "Lift the suppression of {mailboxes} and resume mail?"
    decision = decide_brake(
        options, connection, undo_brake, question=question, dry_run=dry_run, yes=yes, as_json=as_json
    )
    if not as_json and not dry_run:
        click.echo(f"Suppressions lifted: {decision.suppressions}; mails due again: {decision.restored}.")
        click.echo(
            f"To send the refused mails, and the {decision.returned} that came back: "
            f"nps-connect deliveries retry --all --connection {connection} --error undeliverable"
        )
