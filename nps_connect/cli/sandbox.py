"""``nps-connect sandbox``: simulated vendors and a mailbox, to try things without any account."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from nps_connect.cli._support.errors import CommandError

if TYPE_CHECKING:
    from nps_connect.sandbox.faults import FaultRate


def _faults(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[FaultRate, ...]:
    from nps_connect.sandbox.faults import parse_faults

    try:
        return parse_faults(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.command("sandbox")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8041, show_default=True, help="HTTP port; 0 = a free one."
)
@click.option("--smtp-port", type=click.IntRange(0, 65535), default=8025, show_default=True, help="Likewise for mail.")
@click.option(
    "--faults",
    default="",
    callback=_faults,
    help="What goes wrong on purpose and how often: 500=0.05,429=0.05,timeout-before=0.02,timeout-after=0.02,"
    "reset=0.02,malformed=0.02. Without -before or -after, a coin decides whether the call is applied first.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Where the chance of --faults starts.")
@click.option("--json", "as_json", is_flag=True, help="Print addresses and ports as one line when ready.")
def command(port: int, smtp_port: int, faults: tuple[FaultRate, ...], seed: int, *, as_json: bool) -> None:
    """Serve every plugin's simulated vendor, and a mailbox, on loopback ports.

    Nothing here is real and nothing leaves the machine. Stop it with Ctrl+C.
    """
    from nps_connect.plugins import Plugins
    from nps_connect.sandbox.factory import build_sandbox, connection_names
    from nps_connect.sandbox.faults import FaultPlan
    from nps_connect.sandbox.mailbox import MailboxUnavailable
    from nps_connect.sandbox.stop_signal import stop_event_on_signal

    try:
        sandbox, loaded = build_sandbox(
            connection_names(Plugins.load()), port=port, smtp_port=smtp_port, faults=FaultPlan(faults, seed)
        )
    except MailboxUnavailable as error:
        raise CommandError(str(error)) from error
    for name, problem in loaded.problems.items():
        click.echo(f"The simulated vendor {name} is left out: {problem}", err=True)
    with stop_event_on_signal() as told:
        try:
            sandbox.start()
        except OSError as error:
            raise CommandError(
                f"cannot listen on ports {port} and {smtp_port} ({error.strerror}); "
                "choose others with --port and --smtp-port (0 = a free one)"
            ) from error
        try:
            _announce(sandbox.addresses(), as_json=as_json)
            told.wait()
        finally:
            sandbox.stop()


def _announce(addresses: dict[str, object], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(addresses))
    else:
        from nps_connect.sandbox.address_table import print_addresses

        print_addresses(addresses)
    sys.stdout.flush()
