"""``nps-connect events send``."""

from __future__ import annotations

import click

from nps_connect.cli.guarding import Failure
from nps_connect.cli.lazy import Command
from nps_connect.cli.options import Options, json_option, pass_options
from nps_connect.cli.output import print_json


@click.command(cls=Command)
@click.argument("connection")
@click.argument("kind")
@click.option("--contact", required=True, help="The person: an e-mail address, or the id at the connection.")
@click.option("--object", "object_id", metavar="ID", help="What it happened to, such as the id of the deal.")
@click.option("--field", "fields", multiple=True, metavar="NAME=VALUE", help="What filters see; may be repeated.")
@click.option("--yes", is_flag=True, help="Do not ask before mail may go to a customer.")
@json_option
@pass_options
def send(
    options: Options,
    connection: str,
    kind: str,
    contact: str,
    object_id: str | None,
    fields: tuple[str, ...],
    yes: bool,
    as_json: bool,
) -> None:
    """Make an event by hand, marked as such; every rule applies to it as to any other.

    For example: events send crm deal.won --contact marie@example.com
    """
    from nps_connect.flows.replay import send as flow
    from nps_connect.records.contacts import ContactKey

    known = dict(_field(text) for text in fields)
    key = ContactKey(kind="email" if "@" in contact else "id", value=contact)
    with options.application() as application:
        ctx = application.ctx
        if connection not in ctx.connections:
            raise click.UsageError(f"there is no connection {connection!r}; allowed: {', '.join(ctx.connections)}")
        kinds = [event.name for event in ctx.info_of(connection).events]
        if kind not in kinds:
            raise click.UsageError(f"{connection} gives no event {kind!r}; allowed: {', '.join(kinds) or 'none'}")
        if not ctx.has(connection, "nps_find_contacts"):
            raise Failure(f"{connection} cannot look people up")
        if not yes and not ctx.shadow:
            click.confirm("Mail may reach 1 customer. Go on?", abort=True, err=True)
        event_id, _ = flow(ctx, connection, kind, contact=key, object_id=object_id, fields=dict(known))
    if as_json:
        print_json({"event": event_id})
    else:
        click.echo(f"Event {event_id} waits to be decided; then see: nps-connect explain --event {event_id}")


def _field(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise click.BadParameter(f"{text!r} is not NAME=VALUE", param_hint="--field")
    return name, value
