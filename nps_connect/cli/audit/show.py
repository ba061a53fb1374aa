"""``nps-connect audit show``."""

from __future__ import annotations

import click

from nps_connect.cli._support.completion import complete_id
from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_fields, print_json
from nps_connect.cli.audit.list import audit_json


@command
@click.argument("audit_id", metavar="ID", type=int, shell_complete=complete_id("audit_log.AuditRow"))
def show(options: Options, audit_id: int, as_json: bool) -> None:
    """Show one action of an operator with its whole reason."""
    from nps_connect.ledger.audit_log import AuditRow

    with options.open_ledger() as (ledger, settings), ledger.read() as session:
        row = session.get(AuditRow, audit_id)
        if row is None:
            raise CommandError(f"there is no recorded action {audit_id}; see: nps-connect audit list")
        details = audit_json(row)
    if as_json:
        print_json(details)
    else:
        print_fields(details, options.zone(settings))
