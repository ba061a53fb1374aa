"""``nps-connect events send``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nps_connect.cli._support.actor import audit_command
from nps_connect.cli._support.completion import complete_connection
from nps_connect.cli._support.confirm import confirm
from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.names import require_connection, suggest_nearest
from nps_connect.cli._support.options import Options, command, confirm_options
from nps_connect.cli._support.output import pluralize, print_json
from nps_connect.errors import DeliveryError

if TYPE_CHECKING:
    from nps_connect.records.contacts import ContactKey
    from nps_connect.services.context import Context


@command
@click.argument("connection", shell_complete=complete_connection)
@click.argument("kind")
@click.option("--contact", required=True, help="The person: an e-mail address, or the id at the connection.")
@click.option("--object", "object_id", metavar="ID", help="The object of the event, such as the id of the deal.")
@click.option("--field", "fields", multiple=True, metavar="NAME=VALUE", help="A field for trigger filters; repeatable.")
@confirm_options
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
    """Create an event manually; it is marked as manual and subject to the usual rules.

    Example: events send crm deal.won --contact marie@example.com
    """
    from nps_connect.records.contacts import ContactKey
    from nps_connect.records.events import CONTACT_EVENT_KINDS
    from nps_connect.services.intake.manual_events import create_manual_event

    field_values = dict(_parse_field(text) for text in fields)
    key = ContactKey(kind="email" if "@" in contact else "id", value=contact)
    with options.open_application() as application:
        ctx = application.ctx
        kinds = [event.name for event in ctx.event_kinds(require_connection(connection, ctx.connections))]
        if kind not in kinds:
            allowed = ", ".join(name for name in kinds if name not in CONTACT_EVENT_KINDS) or "none"
            hint = suggest_nearest(kind, kinds)
            raise click.UsageError(f"{connection} has no event kind {kind!r}; allowed: {allowed}{hint}")
        if kind in CONTACT_EVENT_KINDS:
            raise click.UsageError(
                f"{kind} is not sent by hand: delete, merge or erase the contact at {connection}, which reports it; "
                "to stop mail to a person: nps-connect suppressions add ADDRESS --reason TEXT"
            )
        if not ctx.has(connection, "nps_find_contacts"):
            raise CommandError(f"{connection} does not support contact lookup")
        customers = 0 if ctx.shadow else _count_reached(ctx, connection, kind, key)
        event_id = None
        if not dry_run:
            if customers:
                confirm("This can send mail to 1 customer. Continue?", yes=yes)
            event_id, _ = create_manual_event(
                ctx, connection, kind, contact=key, object_id=object_id, fields=dict(field_values)
            )
            with ctx.ledger.write() as session:
                audit_command(session, f"event:{event_id}")
    if as_json:
        print_json({"event": event_id, "customers": customers})
    elif dry_run:
        click.echo(f"Mail would reach at most {pluralize(customers, 'customer', 'customers')}; no event was created.")
    else:
        click.echo(f"Event {event_id} created, awaiting a decision; then see: nps-connect explain --event {event_id}")


def _count_reached(ctx: Context, connection: str, kind: str, key: ContactKey) -> int:
    """Return how many people may get mail: one if a trigger uses the event kind and exactly one contact matches."""
    from nps_connect.services.contacts.contact_batch import find_contacts
    from nps_connect.services.decisions.trigger_evaluator import TriggerEvaluator

    if not TriggerEvaluator(ctx).has_listeners(connection, kind):
        return 0
    try:
        return int(sum(len(match.contacts) for match in find_contacts(ctx, connection, [key])) == 1)
    except DeliveryError:
        return 1  # the event waits until the contact can be looked up


def _parse_field(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise click.BadParameter(f"{text!r} is not NAME=VALUE", param_hint="--field")
    return name, value
