"""The question before anything that cannot be taken back."""

from __future__ import annotations

import click

from nps_connect.cli._support.errors import CommandError


def confirm(question: str, *, yes: bool) -> None:
    """Ask whether to go on, unless ``--yes`` was given.

    Raises:
        click.Abort: the answer is no.
        Failure: nobody answers, as in a script.
    """
    if yes:
        return
    try:
        agreed = click.confirm(question, err=True)
    except click.Abort:
        raise CommandError("nobody answered, so nothing was done; --yes goes on without asking") from None
    if not agreed:
        raise click.Abort
