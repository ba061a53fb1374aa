"""``nps-connect surveys send``."""

from __future__ import annotations

import click

from nps_connect.cli.guarding import Failure
from nps_connect.cli.lazy import Command
from nps_connect.cli.options import Options, json_option, pass_options
from nps_connect.cli.output import print_facts, print_json


@click.command(cls=Command)
@click.argument("name")
@click.option("--to", "address", required=True, metavar="ADDRESS", help="Your own, or a colleague's.")
@click.option("--test", "is_test", is_flag=True, help="Needed: by hand, only tests are sent.")
@click.option("--language", metavar="TAG", help="Of the mail; the survey's own if not given.")
@json_option
@pass_options
def send(options: Options, name: str, address: str, is_test: bool, language: str | None, as_json: bool) -> None:
    """Send the mail of survey NAME as a test: marked as one, and whatever is pressed on its page counts nowhere."""
    from nps_connect.cli.surveys.sampling import sample_of, without_ledger
    from nps_connect.errors import DeliveryError

    if not is_test:
        raise click.UsageError("customers are asked by triggers; to send a test, add --test")
    with without_ledger(options) as ctx:
        message = sample_of(ctx, name, language, address)
        channel = ctx.settings.surveys[name].channel
        [outcome] = ctx.plugins.deliver(
            ctx.plugin_of(channel), "nps_send_messages", ctx.connections[channel], [message]
        )
        if isinstance(outcome, DeliveryError):
            raise Failure(f"not sent: {ctx.redact(outcome.message)}")
    told = {"sent": message.subject, "to": address, "via": channel, "message_id": outcome.id}
    if as_json:
        print_json(told)
    else:
        print_facts(told.items())
