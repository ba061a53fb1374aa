"""``nps-connect pause``."""

from __future__ import annotations

import click

from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import pluralize, print_json
from nps_connect.cli._support.pause_scopes import count_waiting, describe_scope, parse_scope, select_scope


@command
@click.argument("scope", required=False)
@click.option("--survey", metavar="NAME", help="Pause only the mail of this survey.")
@click.option("--reason", default="paused by the operator", show_default=True, help="Reason shown in status and logs.")
def pause(options: Options, scope: str | None, survey: str | None, reason: str, as_json: bool) -> None:
    """Pause all customer mail, a connection, a survey or a queue. Takes effect immediately.

    SCOPE is mail (default), the name of a connection, survey:SURVEY or queue:CONNECTION/ACTION. Due deliveries wait;
    tickets, alerts and scores continue unless their connection is paused.
    """
    from nps_connect.app.application import open_state_dir
    from nps_connect.cli._support.actor import current_actor
    from nps_connect.connection import system_clock
    from nps_connect.ledger import pauses
    from nps_connect.services.operations.operator_pauses import set_paused

    with options.open_ledger() as (ledger, settings):
        paused_scope = parse_scope(select_scope(scope, survey), settings)
        if paused_scope in pauses.RESTORE_SCOPES:
            raise click.UsageError(f"{paused_scope!r} can only be resumed")
        changed = set_paused(ledger, open_state_dir(settings), paused_scope, reason, current_actor(), system_clock())
        deliveries, _ = count_waiting(ledger, paused_scope)
    if as_json:
        print_json({"scope": paused_scope, "paused": True, "changed": changed, "waiting": deliveries})
        return
    state = "is now paused" if changed else "was already paused"
    waiting = pluralize(deliveries, "delivery", "deliveries")
    click.echo(f"{describe_scope(paused_scope)} {state}; waiting: {waiting}.")
    click.echo(f"To resume: nps-connect resume {paused_scope}")
