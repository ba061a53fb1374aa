"""``nps-connect surveys test``."""

from __future__ import annotations

import click

from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.lazy_group import Command
from nps_connect.cli._support.options import Options, json_option, pass_options
from nps_connect.cli._support.output import print_fields, print_json


@click.command(cls=Command)
@click.argument("name")
@click.option("--to", "address", required=True, metavar="ADDRESS", help="Your own, or a colleague's.")
@click.option("--language", metavar="TAG", help="Of the mail; the survey's own if not given.")
@json_option
@pass_options
def test(options: Options, name: str, address: str, language: str | None, as_json: bool) -> None:
    """Send the mail of survey NAME as a test: marked as one, and whatever is pressed on its page counts nowhere."""
    from nps_connect.cli._support.test_message import build_test_message, open_context
    from nps_connect.errors import DeliveryError

    with open_context(options) as ctx:
        message = build_test_message(ctx, name, language, address)
        channel = ctx.settings.surveys[name].channel
        [outcome] = ctx.plugins.deliver(
            ctx.plugin_name(channel), "nps_send_messages", ctx.connections[channel], [message]
        )
        if isinstance(outcome, DeliveryError):
            raise CommandError(f"not sent: {ctx.redact(outcome.message)}")
    told = {"sent": message.subject, "to": address, "via": channel, "message_id": outcome.id}
    if as_json:
        print_json(told)
    else:
        print_fields(told.items())
