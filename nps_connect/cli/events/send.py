"""``nps-connect events send``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nps_connect.cli._support.confirm import confirm
from nps_connect.cli._support.connection_names import require_connection as named
from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.lazy_group import Command
from nps_connect.cli._support.options import Options, json_option, pass_options
from nps_connect.cli._support.output import pluralize, print_json
from nps_connect.errors import DeliveryError

if TYPE_CHECKING:
    from nps_connect.records.contacts import ContactKey
    from nps_connect.services.context import Context


@click.command(cls=Command)
@click.argument("connection")
@click.argument("kind")
@click.option("--contact", required=True, help="The person: an e-mail address, or the id at the connection.")
@click.option("--object", "object_id", metavar="ID", help="What it happened to, such as the id of the deal.")
@click.option("--field", "fields", multiple=True, metavar="NAME=VALUE", help="What filters see; may be repeated.")
@click.option("--dry-run", is_flag=True, help="Say how many people it would reach, and change nothing.")
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
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Make an event by hand, marked as such; every rule applies to it as to any other.

    For example: events send crm deal.won --contact marie@example.com
    """
    from nps_connect.records.contacts import ContactKey
    from nps_connect.services.intake.replay import create_manual_event as flow
    from nps_connect.settings.key_paths import nearest

    known = dict(_parse_field(text) for text in fields)
    key = ContactKey(kind="email" if "@" in contact else "id", value=contact)
    with options.application() as application:
        ctx = application.ctx
        kinds = [event.name for event in ctx.connector_info(named(connection, ctx.connections)).events]
        if kind not in kinds:
            near = nearest(kind, kinds)
            hint = f"; did you mean {near!r}?" if near else ""
            raise click.UsageError(f"{connection} gives no event {kind!r}; allowed: {', '.join(kinds) or 'none'}{hint}")
        if not ctx.has(connection, "nps_find_contacts"):
            raise CommandError(f"{connection} cannot look people up")
        reach = 0 if ctx.shadow else _count_reached(ctx, connection, kind, key)
        event_id = None
        if not dry_run:
            if reach:
                confirm("Mail may reach 1 customer. Go on?", yes=yes)
            event_id, _ = flow(ctx, connection, kind, contact=key, object_id=object_id, fields=dict(known))
    if as_json:
        print_json({"event": event_id, "customers": reach})
    elif dry_run:
        click.echo(f"Mail would reach {pluralize(reach, 'customer', 'customers')} at most; no event was made.")
    else:
        click.echo(f"Event {event_id} waits to be decided; then see: nps-connect explain --event {event_id}")


def _count_reached(ctx: Context, connection: str, kind: str, key: ContactKey) -> int:
    """How many people may get mail: one, if the connection knows exactly one and something listens to the event."""
    from nps_connect.services.contacts.lookup import find_contacts
    from nps_connect.services.decisions.trigger_evaluator import TriggerEvaluator

    if not TriggerEvaluator(ctx).has_listeners(connection, kind):
        return 0
    try:
        return int(sum(len(match.contacts) for match in find_contacts(ctx, connection, [key])) == 1)
    except DeliveryError:
        return 1  # the event waits until they can be looked up


def _parse_field(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise click.BadParameter(f"{text!r} is not NAME=VALUE", param_hint="--field")
    return name, value
