"""Shared by ``bounces confirm`` and ``bounces undo``: decide on the mail that many bounces hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from nps_connect.cli._support.actor import current_actor
from nps_connect.cli._support.confirm import confirm
from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.names import require_connection
from nps_connect.cli._support.options import Options
from nps_connect.cli._support.output import pluralize, print_json

if TYPE_CHECKING:
    from sqlmodel import Session

    from nps_connect.ledger.audit_log import Actor
    from nps_connect.services.context import Context
    from nps_connect.services.suppressions.bounce_brake import BrakeDecision

DecideBrake = Callable[["Context", "Session", str, "Actor"], "BrakeDecision | None"]


def decide_brake(
    options: Options, connection: str, decide: DecideBrake, *, question: str, dry_run: bool, yes: bool, as_json: bool
) -> BrakeDecision:
    """Show what a decision would change, ask for confirmation, and apply it.

    Args:
        options: the global options.
        connection: whose mail is held.
        decide: applies the decision; returns None if no mail is held.
        question: with ``{mailboxes}`` for the number of suppressed mailboxes.
        dry_run: change nothing.
        yes: ask nothing.
        as_json: print JSON.

    Raises:
        CommandError: many bounces hold no mail of this connection.
    """
    with options.open_application() as application:
        ctx, actor = application.ctx, current_actor()
        name = require_connection(connection, ctx.connections)
        with ctx.ledger.read() as session:  # rolled back
            decision = decide(ctx, session, name, actor)
        if decision is None:
            raise CommandError(f"no mail of connection {name} is held because of bounces; see: nps-connect status")
        if not as_json:
            recipients = pluralize(decision.recipients, "recipient", "recipients")
            mailboxes = pluralize(decision.suppressions, "mailbox is", "mailboxes are")
            click.echo(f"{recipients} of {decision.mails} mails were refused; {mailboxes} suppressed provisionally.")
        if not dry_run:
            confirm(question.format(mailboxes=pluralize(decision.suppressions, "mailbox", "mailboxes")), yes=yes)
            with ctx.ledger.write() as session:
                decision = decide(ctx, session, name, actor) or decision
    if as_json:
        print_json({"dry_run": dry_run, "connection": name} | decision.__dict__)
    return decision
