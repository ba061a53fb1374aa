"""What ``init`` offers after the configuration is written: database, objects in vendor accounts, a test survey."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import click

from nps_connect.cli._support.actor import audit_command
from nps_connect.cli._support.config_template import SURVEY
from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.options import Options
from nps_connect.cli._support.output import pluralize
from nps_connect.errors import NpsConnectError

if TYPE_CHECKING:
    from nps_connect.services.context import Context


def offer_next_steps(options: Options, working: Collection[str]) -> None:
    """Offer to create the database, to set the vendor accounts up, and to send a test survey.

    Args:
        options: names the configuration, which exists.
        working: connections whose check found no error.
    """
    click.echo()
    if click.confirm("Create the database?", default=True):
        _create_database(options, working)
        click.echo("\nNext: nps-connect config check, nps-connect connections check, nps-connect run")
    else:
        click.echo("\nNext: nps-connect config check, nps-connect db create, nps-connect run")
    click.echo(
        'It starts in shadow mode: decisions are recorded, nothing is sent until you set mode = "live".\n'
        "Surveys wait at night and at weekends: see quiet_hours and quiet_days in the file."
    )


def _create_database(options: Options, working: Collection[str]) -> None:
    from nps_connect.app.application import create_database

    try:
        created = create_database(options.load_settings())
        click.echo("Database created." if created else "The database exists already; nothing was changed.")
        with options.open_application() as application:
            if created:
                with application.ctx.ledger.write() as session:
                    audit_command(session, "database")
            for name in working:
                _offer_setup(application.ctx, name)
            if application.ctx.settings.surveys[SURVEY].channel in working:
                _offer_test_mail(application.ctx)
    except NpsConnectError as error:
        click.echo(f"Error: {error}", err=True)


def _offer_setup(ctx: Context, name: str) -> None:
    """Show what is missing in a vendor account, and offer to create it."""
    from nps_connect.cli._support.setup_changes import print_changes, summarize_changes
    from nps_connect.services.operations.connection_setup import apply_setup, plan_setup

    try:
        changes = plan_setup(ctx, name)
        if not changes:
            return
        click.echo(f"\n{ctx.connector_info(name).title} (connection {name}) lacks:")
        print_changes(changes)
        if click.confirm(f"{summarize_changes(changes)}. Apply?", default=True):
            with ctx.ledger.write() as session:
                audit_command(session, f"connection:{name}")
            applied = apply_setup(ctx, name, changes)
            click.echo(f"Applied {pluralize(len(applied), 'change', 'changes')}.")
    except NpsConnectError as error:
        click.echo(f"Not applied: {ctx.redact(str(error))}; later: nps-connect connections apply {name}", err=True)


def _offer_test_mail(ctx: Context) -> None:
    """Offer to send the survey to the operator, marked as a test."""
    from nps_connect.cli._support.test_message import build_test_message, send_test_message

    click.echo()
    address = click.prompt("Send a test survey to your own address (Enter to skip)", default="", show_default=False)
    if not address:
        return
    try:
        message = build_test_message(ctx, SURVEY, None, address)
        send_test_message(ctx, SURVEY, message)
        click.echo(f"Sent {message.subject!r} to {address}; its page works once nps-connect run is up.")
    except (CommandError, ValueError) as error:
        click.echo(f"{error}; later: nps-connect surveys test {SURVEY} --to ADDRESS", err=True)
