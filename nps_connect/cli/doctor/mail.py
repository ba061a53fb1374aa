"""``nps-connect doctor mail``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, BinaryIO

import click

from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_json
from nps_connect.cli._support.progress import progress_bar

if TYPE_CHECKING:
    from nps_connect.records.deliveries import Receipt

MAX_COPY_BYTES = 4 * 1024 * 1024
PASTE_INSTRUCTIONS = """After it has arrived: open the mail, view its source, then run
  nps-connect doctor mail --copy -
paste the source, and press Ctrl+D."""
WAIT_INSTRUCTIONS = f"""Waiting up to one minute for it to arrive in the mailbox configured as bounces_url.
If you sent it to another mailbox, press Ctrl+C. {PASTE_INSTRUCTIONS}"""


@command
@click.argument("address", required=False)
@click.option("--survey", metavar="NAME", help="The survey whose mail is sent; default: the first survey.")
@click.option(
    "--copy", type=click.File("rb"), metavar="FILE", help="Source of the mail as received; - = standard input."
)
def mail(options: Options, address: str | None, survey: str | None, copy: BinaryIO | None, as_json: bool) -> None:
    """Send a test mail to ADDRESS, or check the received mail with --copy.

    The mail server configured as smtp_url signs the mail; whether SPF, DKIM and DMARC pass is only visible where the
    mail arrives. Send it to a mailbox at another provider, view its source, and pass that to --copy. If ADDRESS belongs
    to the mailbox configured as bounces_url, the command waits up to one minute for the mail and checks it. Exit code 1
    if a check fails.
    """
    if (address is None) == (copy is None):
        raise click.UsageError("give either an ADDRESS to send to, or --copy FILE to check a received mail")
    if copy is not None:
        _check_authentication(options, copy.read(MAX_COPY_BYTES), as_json=as_json)
        return
    receipt, channel, received_mail = _send(options, address or "", survey, as_json=as_json)
    if received_mail is not None:
        _check_authentication(options, received_mail, as_json=as_json)
    elif as_json:
        print_json({"to": address, "via": channel, "message_id": receipt.id})
    else:
        click.echo(f"Sent via {channel}. {PASTE_INSTRUCTIONS}")


def _send(options: Options, address: str, survey: str | None, *, as_json: bool) -> tuple[Receipt, str, bytes | None]:
    """Send the mail; return receipt, channel, and the received mail if it arrived in the channel's bounce mailbox."""
    from nps_connect.cli._support.test_message import build_test_message, open_context, send_test_message
    from nps_connect.errors import DeliveryError
    from nps_connect.services.suppressions.bounces import wait_for_arrival

    with open_context(options) as ctx:
        name = survey or next(iter(ctx.settings.surveys), None)
        if name is None:
            raise CommandError("no survey is configured; add a [surveys.<name>] table")
        receipt = send_test_message(ctx, name, build_test_message(ctx, name, None, address))
        channel = ctx.settings.surveys[name].channel
        if receipt.id is None:
            return receipt, channel, None
        try:
            with arrival_progress(as_json=as_json) as on_wait:
                return receipt, channel, wait_for_arrival(ctx, channel, receipt.id, on_wait=on_wait)
        except DeliveryError as error:
            click.echo(f"cannot read the bounce mailbox: {ctx.redact(error.message)}", err=True)
            return receipt, channel, None


@contextmanager
def arrival_progress(*, as_json: bool) -> Iterator[Callable[[timedelta], None]]:
    """Yield a function that takes the elapsed waiting time, prints the instructions once and shows a progress bar."""
    from nps_connect.services.suppressions.bounces import ARRIVAL_TIMEOUT

    with ExitStack() as stack:
        bars: list[Callable[[int, int], None]] = []

        def on_wait(elapsed: timedelta) -> None:
            if not bars:
                click.echo(f"Sent. {WAIT_INSTRUCTIONS}", err=True)
                bars.append(stack.enter_context(progress_bar("waiting for the mail", hidden=as_json)))
            bars[0](int(elapsed.total_seconds()), int(ARRIVAL_TIMEOUT.total_seconds()))

        yield on_wait


def _check_authentication(options: Options, received_mail: bytes, *, as_json: bool) -> None:
    """Print the results, and record them for `doctor` if there is a database.

    Raises:
        click.exceptions.Exit: a check failed.
    """
    from nps_connect.rules.email_authentication import check_authentication

    findings = check_authentication(received_mail)
    _record(options, [finding.what for finding in findings if not finding.ok])
    if as_json:
        print_json({"items": [asdict(finding) for finding in findings], "next_cursor": None})
    else:
        for finding in findings:
            click.echo(f"{'OK  ' if finding.ok else 'FAIL'} {finding.text}")
            if finding.fix:
                click.echo(f"     {finding.fix}")
    if not all(finding.ok for finding in findings):
        raise click.exceptions.Exit(1)


def _record(options: Options, failed: list[str]) -> None:
    """Record the result for `doctor`, if there is a database that can be used."""
    from nps_connect.connection import system_clock
    from nps_connect.errors import ConfigError
    from nps_connect.ledger.observations import record_observation

    detail = {"failed": sorted(set(failed))}
    with (
        suppress(ConfigError),
        options.open_ledger(writes=True) as (ledger, _settings),
        ledger.write() as session,
    ):
        record_observation(session, "sender_authentication", "", now=system_clock(), detail=detail)
