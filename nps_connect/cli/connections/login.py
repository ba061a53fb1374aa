"""``nps-connect connections login``."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import click

from nps_connect.cli._support.actor import audit_command
from nps_connect.cli._support.completion import complete_connection
from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.names import require_connection
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_json

HOOK = "nps_authorize"


@command
@click.argument("name", shell_complete=complete_connection)
@click.option("--code", help="The authorization code, or the whole redirect URL; prompted for by default.")
def login(options: Options, name: str, code: str | None, as_json: bool) -> None:
    """Authorize access to the vendor account of connection NAME (OAuth consent), or renew it.

    Prints the URL to open, takes the returned code, and stores the tokens encrypted in the database. Deliveries paused
    by a vendor's 401 or 403 resume.
    """
    from nps_connect.errors import DeliveryError, PluginError
    from nps_connect.services.operations.connection_checks import check_connection

    with options.open_application() as application:
        ctx = application.ctx
        connection = ctx.connections[require_connection(name, ctx.connections)]
        plugin = connection.settings.plugin
        if not ctx.has(name, HOOK):
            title = ctx.connector_info(name).title
            raise CommandError(f"{title} does not support OAuth login: {name} uses the credentials in its settings")
        try:
            url = ctx.plugins.call(plugin, HOOK, connection=connection, code=None)
            if url is None:
                raise CommandError(f"{name} needs no OAuth login: it uses the credentials in its settings")
            if code is None:
                click.echo(f"Open this URL, allow the access, and copy the returned code:\n\n  {url}\n", err=as_json)
                code = click.prompt("Code, or the whole redirect URL", err=True)
            ctx.plugins.call(plugin, HOOK, connection=connection, code=parse_code(code))
        except (DeliveryError, PluginError) as error:
            raise CommandError(ctx.redact(str(error))) from error
        with ctx.ledger.write() as session:
            audit_command(session, f"connection:{name}")
        result = check_connection(ctx, name)
    errors = [finding.text for finding in result.findings if finding.severity == "error"]
    if as_json:
        print_json({"connection": name, "resumed": list(result.resumed), "errors": errors})
        return
    click.echo(f"{name} is authorized.")
    for scope in result.resumed:
        click.echo(f"Resumed {scope}.")
    for problem in errors:
        click.echo(f"Error: {problem}")


def parse_code(text: str) -> str:
    """Return the authorization code from a code or from the URL to which the vendor redirected the browser.

    Raises:
        CommandError: the URL contains no code, for example because access was denied.
    """
    text = text.strip()
    if "://" not in text:
        return text
    query = parse_qs(urlsplit(text).query)
    if "code" in query:
        return query["code"][0]
    reason = query.get("error", ["no reason given"])[0]
    raise CommandError(f"the URL contains no authorization code ({reason}); start the login again")
