"""``nps-connect contacts export``."""

from __future__ import annotations

from pathlib import Path

import click

from nps_connect.cli._support.actor import audit_command
from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import open_output, print_json
from nps_connect.rendering.exports import dump_json


@command
@click.argument("contact")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write to this file instead of standard output.",
)
def export(options: Options, contact: str, output: Path | None, as_json: bool) -> None:  # noqa: ARG001  # always JSON
    """Print everything that is stored about a person, as JSON: rows by the name of their table.

    CONTACT is an e-mail address, the id at a connection, or CONNECTION:ID. The person's contacts on all connections are
    included, with merged ones. Webhooks with events of other people are listed without their body. Only the owner
    of the file may read it. The audit log says who has exported whom.
    """
    from nps_connect.services.operations.data_requests import export_person, find_person, person_target

    with options.open_application() as application, application.ctx.ledger.write() as session:
        person = find_person(session, contact, list(application.ctx.connections))
        rows = export_person(application.ctx, session, person)
        if not any(rows.values()):
            raise CommandError(f"nothing is stored about {contact}; check the spelling, or try CONNECTION:ID")
        audit_command(session, person_target(person))
        exported = {
            "exported_at": application.ctx.clock(),
            "contacts": [f"{row.connection}:{row.vendor_id}" for row in person.contacts],
            "addresses": sorted(person.addresses),
            "rows": rows,
        }
    if output is None:
        print_json(exported)
        return
    with open_output(output) as stream:
        stream.write(f"{dump_json(exported, indent=2)}\n")
    click.echo(f"Written: {output}", err=True)
