"""The confirmation prompt before anything irreversible."""

from __future__ import annotations

import click

from nps_connect.cli._support.errors import CommandError


def confirm(question: str, *, yes: bool) -> None:
    """Ask for confirmation on standard error, unless ``--yes`` was given.

    Raises:
        click.Abort: the operator declined, or pressed Ctrl+C.
        CommandError: standard input is closed, as in a script.
    """
    if yes:
        return
    try:
        is_confirmed = click.confirm(question, err=True)
    except click.Abort as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            raise
        click.echo(err=True)  # ends the line of the question
        raise CommandError("no confirmation given, nothing was changed; pass --yes to skip the prompt") from None
    if not is_confirmed:
        raise click.Abort
