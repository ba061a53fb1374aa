"""``nps-connect doctor mail``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, BinaryIO

import click

from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.lazy_group import Command
from nps_connect.cli._support.options import Options, json_option, pass_options
from nps_connect.cli._support.output import print_json
from nps_connect.cli._support.progress import progress_bar

if TYPE_CHECKING:
    from nps_connect.records.deliveries import Receipt

MAX_COPY_BYTES = 4 * 1024 * 1024
PASTE_INSTRUCTIONS = """When it has arrived: show its source, then run
  nps-connect doctor mail --copy -
paste the source, and end with Ctrl+D."""
WAIT_INSTRUCTIONS = f"""It is awaited for a minute in the mailbox that bounces_url names.
If it went elsewhere, there is no need to wait: stop with Ctrl+C. {PASTE_INSTRUCTIONS}"""


@click.command(cls=Command)
@click.argument("address", required=False)
@click.option("--survey", metavar="NAME", help="Whose mail to send; the first survey's if not given.")
@click.option(
    "--copy", type=click.File("rb"), metavar="FILE", help="The source of the mail as it arrived; - = paste it."
)
@json_option
@pass_options
def mail(options: Options, address: str | None, survey: str | None, copy: BinaryIO | None, as_json: bool) -> None:
    """Send a test mail to ADDRESS; then, with --copy, read whether it was signed as it should be.

    Signing is the work of the mail server that smtp_url names. Whether SPF, DKIM and DMARC are right can only be seen
    where the mail arrives: open it in a mailbox of another company, show its source, and give that to --copy. Where
    ADDRESS belongs to the mailbox that bounces_url names, the mail is awaited there for a minute and read at once.
    """
    if (address is None) == (copy is None):
        raise click.UsageError("name an ADDRESS to send to, or --copy FILE to read what arrived")
    if copy is not None:
        _check_authentication(copy.read(MAX_COPY_BYTES), as_json=as_json)
        return
    receipt, channel, found = _send(options, address or "", survey, as_json=as_json)
    if found is not None:
        _check_authentication(found, as_json=as_json)
        return
    if as_json:
        print_json({"to": address, "via": channel, "message_id": receipt.id})
        return
    click.echo(f"Sent via {channel}. {PASTE_INSTRUCTIONS}")


def _send(options: Options, address: str, survey: str | None, *, as_json: bool) -> tuple[Receipt, str, bytes | None]:
    """Send the mail; also what arrived of it, where the channel has a mailbox of reports and it came there."""
    from nps_connect.cli._support.test_message import build_test_message, open_context
    from nps_connect.errors import DeliveryError
    from nps_connect.services.suppressions.bounces import wait_for_arrival

    with open_context(options) as ctx:
        name = survey or next(iter(ctx.settings.surveys), None)
        if name is None:
            raise CommandError("there is no survey whose mail could be sent; add a [surveys.<name>] table")
        message = build_test_message(ctx, name, None, address)
        channel = ctx.settings.surveys[name].channel
        [outcome] = ctx.plugins.deliver(
            ctx.plugin_name(channel), "nps_send_messages", ctx.connections[channel], [message]
        )
        if isinstance(outcome, DeliveryError):
            raise CommandError(f"not sent: {ctx.redact(outcome.message)}")
        if outcome.id is None:
            return outcome, channel, None
        try:
            with arrival_progress(as_json=as_json) as waiting:
                return outcome, channel, wait_for_arrival(ctx, channel, outcome.id, on_wait=waiting)
        except DeliveryError as error:
            click.echo(f"The mailbox of reports cannot be read: {ctx.redact(error.message)}", err=True)
            return outcome, channel, None


@contextmanager
def arrival_progress(*, as_json: bool) -> Iterator[Callable[[timedelta], None]]:
    """Say once what is awaited, and show how long it has been."""
    from nps_connect.services.suppressions.bounces import ARRIVAL_TIMEOUT

    with ExitStack() as stack:
        bars: list[Callable[[int, int], None]] = []

        def waiting(waited: timedelta) -> None:
            if not bars:
                click.echo(f"Sent. {WAIT_INSTRUCTIONS}", err=True)
                bars.append(stack.enter_context(progress_bar("waiting for it to arrive", hidden=as_json)))
            bars[0](int(waited.total_seconds()), int(ARRIVAL_TIMEOUT.total_seconds()))

        yield waiting


def _check_authentication(copy: bytes, *, as_json: bool) -> None:
    from nps_connect.rules.email_authentication import check_authentication

    findings = check_authentication(copy)
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            click.echo(f"{'ok   ' if finding.ok else 'WRONG'} {finding.text}")
            if finding.fix:
                click.echo(f"      {finding.fix}")
    if not all(finding.ok for finding in findings):
        raise click.exceptions.Exit(1)
