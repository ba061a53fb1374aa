"""``nps-connect pause``."""

from __future__ import annotations

import click

from nps_connect.cli._support.lazy_group import Command
from nps_connect.cli._support.options import Options, json_option, pass_options
from nps_connect.cli._support.output import pluralize, print_json
from nps_connect.cli._support.pause_scopes import count_waiting, describe_scope, parse_scope, select_scope, set_paused


@click.command(cls=Command)
@click.argument("scope", required=False)
@click.option("--survey", metavar="NAME", help="Only the mail of this survey.")
@click.option("--reason", default="paused by the operator", show_default=True, help="Shown wherever the pause is.")
@json_option
@pass_options
def pause(options: Options, scope: str | None, survey: str | None, reason: str, as_json: bool) -> None:
    """Stop all mail to customers at once, or everything on one connection.

    SCOPE is mail (if not given), the name of a connection, or queue:CONNECTION/ACTION. What is due waits; tickets,
    alerts and scores go on unless their own connection is paused.
    """
    with options.ledger() as (ledger, settings):
        found = parse_scope(select_scope(scope, survey), settings)
        with ledger.write() as session:
            changed = set_paused(session, found, reason)
        deliveries, _ = count_waiting(ledger, found)
    if as_json:
        print_json({"scope": found, "paused": True, "changed": changed, "waiting": deliveries})
        return
    state = "is paused now" if changed else "was paused already"
    click.echo(
        f"{describe_scope(found)[0].upper()}{describe_scope(found)[1:]} {state}; waiting: {pluralize(deliveries, 'delivery', 'deliveries')}."
    )
    click.echo(f"Let it go on with: nps-connect resume {found}")
