"""``nps-connect surveys test``."""

from __future__ import annotations

import click

from nps_connect.cli._support.completion import complete_survey
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_fields, print_json


@command
@click.argument("name", shell_complete=complete_survey)
@click.option("--to", "address", required=True, metavar="ADDRESS", help="Your own address, or a colleague's.")
@click.option("--language", metavar="TAG", help="Language of the mail; default: the survey's language.")
def test(options: Options, name: str, address: str, language: str | None, as_json: bool) -> None:
    """Send the mail of survey NAME as a test: it is marked as a test, and its page records nothing."""
    from nps_connect.cli._support.test_message import build_test_message, open_context, send_test_message

    with open_context(options) as ctx:
        message = build_test_message(ctx, name, language, address)
        receipt = send_test_message(ctx, name, message)
        channel = ctx.settings.surveys[name].channel
    result = {"sent": message.subject, "to": address, "via": channel, "message_id": receipt.id}
    if as_json:
        print_json(result)
    else:
        print_fields(result)
