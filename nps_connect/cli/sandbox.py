"""``nps-connect sandbox``: simulated vendors and a mailbox, to try things without any account."""

from __future__ import annotations

import json
import sys
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from nps_connect.cli._support.errors import CommandError

if TYPE_CHECKING:
    from nps_connect.sandbox.faults import FaultRate


def _parse_faults(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[FaultRate, ...]:
    from nps_connect.sandbox.faults import parse_faults

    try:
        return parse_faults(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.command("sandbox")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8041, show_default=True, help="HTTP port; 0 = any free port."
)
@click.option(
    "--smtp-port", type=click.IntRange(0, 65535), default=8025, show_default=True, help="SMTP port; 0 = any free port."
)
@click.option(
    "--product-port",
    type=click.IntRange(0, 65535),
    default=8040,
    show_default=True,
    help="Port for nps-connect run, which gets the webhooks; 0 = any free port.",
)
@click.option(
    "--faults",
    default="",
    callback=_parse_faults,
    help="Injected faults with their rates: 500=0.05,429=0.05,timeout-before=0.02,timeout-after=0.02,"
    "reset=0.02,malformed=0.02. Without -before or -after, the call is applied first in half of the cases.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Random seed of --faults.")
@click.option("--json", "as_json", is_flag=True, help="Print addresses and ports as one line of JSON when ready.")
def sandbox(
    port: int, smtp_port: int, product_port: int, faults: tuple[FaultRate, ...], seed: int, *, as_json: bool
) -> None:
    """Serve the simulated vendor of each plugin, and a mailbox, on loopback ports.

    Nothing leaves this machine. Press Ctrl+C to stop: then everything in it is gone.
    """
    from nps_connect.plugins import Plugins
    from nps_connect.sandbox.factory import build_sandbox, connection_names, webhook_event_kinds
    from nps_connect.sandbox.faults import FaultPlan
    from nps_connect.sandbox.mailbox import MailboxUnavailable
    from nps_connect.sandbox.product_settings import free_product_url
    from nps_connect.sandbox.stop_signal import stop_event_on_signal

    plugins = Plugins.load()
    try:
        server, loaded = build_sandbox(
            connection_names(plugins),
            port=port,
            smtp_port=smtp_port,
            product_url=f"http://127.0.0.1:{product_port}" if product_port else free_product_url(),
            event_kinds=webhook_event_kinds(plugins),
            faults=FaultPlan(faults, seed),
        )
    except MailboxUnavailable as error:
        raise CommandError(str(error)) from error
    for name, problem in loaded.problems.items():
        click.echo(f"warning: simulated vendor {name} is not available: {problem}", err=True)
    with stop_event_on_signal() as stop_event:
        try:
            server.start()
        except OSError as error:
            raise CommandError(
                f"cannot listen on ports {port} and {smtp_port} ({error.strerror}); "
                "choose others with --port and --smtp-port (0 = any free port)"
            ) from error
        try:
            if as_json:
                click.echo(json.dumps(server.addresses()))
            else:
                _print_addresses(server.addresses())
            sys.stdout.flush()
            stop_event.wait()
        finally:
            server.stop()


def _print_addresses(addresses: dict[str, Any]) -> None:
    """Print the sandbox's addresses and the environment variables for a configuration that uses them."""
    from rich.table import Table

    from nps_connect.cli._support.output import console

    out = console()
    table = Table(title="Sandbox: everything in it is simulated", title_justify="left", show_header=False)
    table.add_row("page", addresses["url"] + "/")
    table.add_row("product", f"{addresses['product']['url']} (nps-connect run will listen there)")
    table.add_row("state", addresses["state"])
    table.add_row("mailbox", addresses["smtp"]["url"])
    for name, vendor in addresses["vendors"].items():
        table.add_row(name, vendor["base_url"])
    out.print(table)
    out.print("A configuration that uses it, in an empty folder:")
    out.print(f"  nps-connect init --sandbox {addresses['url']}", markup=False, soft_wrap=True)
    out.print("Or the environment for a configuration that nps-connect init wrote:")
    for name, value in addresses["environment"].items():
        out.print(f"  export {name}={quote(value)}", markup=False, highlight=False, soft_wrap=True)
    out.print("Stop it with Ctrl+C. Then it has forgotten everything: begin anew in another empty folder.")
