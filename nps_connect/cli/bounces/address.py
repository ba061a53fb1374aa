"""``nps-connect bounces address``."""

from __future__ import annotations

import click

from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_json


@command
@click.argument("connection")
def address(options: Options, connection: str, as_json: bool) -> None:
    """Print the URL to which the mail server of CONNECTION can post bounce reports, one message per request.

    Treat it as a secret: whoever knows it can fill the list of reports. It is signed with the first of
    core.signing_keys and valid as long as that key is configured.
    """
    from nps_connect.services.links import Links

    settings = options.load_settings()
    if connection not in settings.connections:
        raise CommandError(f"there is no connection {connection!r}")
    links = Links(settings.core.url, [key.get_secret_value() for key in settings.core.signing_keys])
    url = links.url("b", links.bounces(connection))
    if as_json:
        print_json({"address": url})
    else:
        click.echo(url)
