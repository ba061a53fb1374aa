"""``nps-connect connections login``."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import click

from nps_connect.cli._support.connection_names import require_connection
from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.lazy_group import Command
from nps_connect.cli._support.options import Options, json_option, pass_options
from nps_connect.cli._support.output import print_json

HOOK = "nps_authorize"


@click.command(cls=Command)
@click.argument("name")
@click.option("--code", help="The code (or the whole address) that came back; asked for if not given.")
@json_option
@pass_options
def login(options: Options, name: str, code: str | None, as_json: bool) -> None:
    """Sign in to the account NAME with the consent of somebody at its vendor, or sign in again.

    Prints the address to open, takes the code that comes back, and keeps the tokens encrypted in the ledger. What
    waited for it goes on.
    """
    from nps_connect.errors import DeliveryError, PluginError
    from nps_connect.services.operations.connection_checks import check_connection

    with options.application() as application:
        ctx = application.ctx
        plugin, account = ctx.plugin_name(require_connection(name, ctx.connections)), ctx.connections[name]
        if not ctx.has(name, HOOK):
            raise CommandError(
                f"{ctx.connector_info(name).title} knows no sign-in by consent: {name} uses what its settings say"
            )
        try:
            address = ctx.plugins.call(plugin, HOOK, connection=account, code=None)
            if address is None:
                raise CommandError(f"{name} needs nobody's consent: it signs in with what its settings say")
            if code is None:
                click.echo(
                    f"Open this address, allow the access, and copy the code that comes back:\n\n  {address}\n",
                    err=as_json,
                )
                code = click.prompt("Code, or the whole address that you were sent to", err=True)
            ctx.plugins.call(plugin, HOOK, connection=account, code=parse_code(code))
        except (DeliveryError, PluginError) as error:
            raise CommandError(ctx.redact(str(error))) from error
        checkup = check_connection(ctx, name)
    if as_json:
        mistakes = [finding.text for finding in checkup.findings if finding.severity == "error"]
        print_json({"connection": name, "resumed": list(checkup.resumed), "errors": mistakes})
        return
    click.echo(f"{name} is signed in.")
    for scope in checkup.resumed:
        click.echo(f"{scope} goes on.")
    for finding in checkup.findings:
        if finding.severity == "error":
            click.echo(f"Mind: {finding.text}")


def parse_code(text: str) -> str:
    """The code itself, from a code or from the address to which the vendor sent the browser back.

    Raises:
        Failure: the address says that the access was refused.
    """
    text = text.strip()
    if "://" not in text:
        return text
    query = parse_qs(urlsplit(text).query)
    if "code" in query:
        return query["code"][0]
    raise CommandError(f"the address holds no code ({query.get('error', ['no reason given'])[0]}): begin again")
