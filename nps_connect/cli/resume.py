"""``nps-connect resume``."""

from __future__ import annotations

import click

from nps_connect.cli._support.completion import complete_scope, complete_survey
from nps_connect.cli._support.confirm import confirm
from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.options import Options, command, confirm_options
from nps_connect.cli._support.output import pluralize, print_json
from nps_connect.cli._support.pause_scopes import count_waiting, describe_scope, parse_scope, select_scope

LOCK_TIMEOUT_SECONDS = 2.0
"""How long to wait for a locked database: an operator waits too."""


@command
@click.argument("scope", required=False, shell_complete=complete_scope)
@click.option("--survey", metavar="NAME", shell_complete=complete_survey, help="Resume only the mail of this survey.")
@confirm_options
def resume(options: Options, scope: str | None, survey: str | None, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Resume paused deliveries, whether paused by an operator or after a vendor's 401 or 403.

    Shows how many deliveries wait and how many customers mail would reach, then asks for confirmation. Surveys above
    surveys_per_day are spread over the following days. SCOPE is mail (default), the name of a connection, survey:SURVEY
    or queue:CONNECTION/ACTION; database says that this database is the newest, restored that the opt-outs since a
    backup are known.
    """
    from nps_connect.cli._support.actor import current_actor
    from nps_connect.connection import system_clock
    from nps_connect.ledger import pauses
    from nps_connect.ledger.state_dir import open_state_dir
    from nps_connect.services.operations.database_identity import accept_database
    from nps_connect.services.operations.operator_pauses import adopt_pause_marker, set_paused

    with options.open_ledger(writes=True, timeout_seconds=LOCK_TIMEOUT_SECONDS) as (ledger, settings):
        paused_scope, state_dir = parse_scope(select_scope(scope, survey), settings), open_state_dir(settings)
        adopt_pause_marker(ledger, state_dir, system_clock())  # it pauses mail already: nothing changes by that
        deliveries, customers = count_waiting(ledger, paused_scope)
        with ledger.read() as session:
            pause = pauses.load_pauses(session).get(paused_scope)
        reach = pluralize(customers, "customer", "customers")
        if not as_json and pause is not None:
            click.echo(f"Waiting: {pluralize(deliveries, 'delivery', 'deliveries')}; mail would reach {reach}.")
        if pause is not None and pause.cause == "bounces":
            connection = paused_scope.partition(":")[2].partition("/")[0]
            raise CommandError(
                f"{pause.reason}; to decide whether they are dead: nps-connect bounces confirm|undo {connection}"
            )
        changed = False
        if not dry_run:
            if customers and pause is not None:
                confirm(f"Send mail to {reach}?", yes=yes)
            if paused_scope == pauses.DATABASE_SCOPE:
                accept_database(ledger, state_dir)
            changed = set_paused(ledger, state_dir, paused_scope, None, current_actor(), system_clock())
    if as_json:
        print_json(
            {
                "scope": paused_scope,
                "paused": pause is not None and not changed,
                "changed": changed,
                "waiting": deliveries,
                "customers": customers,
                "reason": pause.reason if pause else None,
            }
        )
    elif pause is None:
        click.echo(f"{describe_scope(paused_scope)} was not paused.")
    elif changed:
        click.echo(f"{describe_scope(paused_scope)} resumed. Reason for the pause: {pause.reason}.")
