"""``nps-connect doctor mail``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, BinaryIO

import click

from nps_connect.cli.guarding import Failure
from nps_connect.cli.lazy import Command
from nps_connect.cli.options import Options, json_option, pass_options
from nps_connect.cli.output import print_json

if TYPE_CHECKING:
    from nps_connect.records.deliveries import Receipt

LONGEST_COPY = 4 * 1024 * 1024


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
        _judge(copy.read(LONGEST_COPY), as_json=as_json)
        return
    receipt, channel, found = _send(options, address or "", survey)
    if found is not None:
        _judge(found, as_json=as_json)
        return
    if as_json:
        print_json({"to": address, "via": channel, "message_id": receipt.id})
        return
    click.echo(f"Sent via {channel}. When it has arrived: show its source, then run")
    click.echo("  nps-connect doctor mail --copy -")
    click.echo("paste the source, and end with Ctrl+D.")


def _send(options: Options, address: str, survey: str | None) -> tuple[Receipt, str, bytes | None]:
    """Send the mail; also what arrived of it, where the channel has a mailbox of reports and it came there."""
    from nps_connect.cli.surveys.sampling import sample_of, without_ledger
    from nps_connect.errors import DeliveryError
    from nps_connect.flows.bounces import arrived

    with without_ledger(options) as ctx:
        name = survey or next(iter(ctx.settings.surveys), None)
        if name is None:
            raise Failure("there is no survey whose mail could be sent; add a [surveys.<name>] table")
        message = sample_of(ctx, name, None, address)
        channel = ctx.settings.surveys[name].channel
        [outcome] = ctx.plugins.deliver(
            ctx.plugin_of(channel), "nps_send_messages", ctx.connections[channel], [message]
        )
        if isinstance(outcome, DeliveryError):
            raise Failure(f"not sent: {ctx.redact(outcome.message)}")
        if outcome.id is None:
            return outcome, channel, None
        try:
            return outcome, channel, arrived(ctx, channel, outcome.id)
        except DeliveryError as error:
            click.echo(f"The mailbox of reports cannot be read: {ctx.redact(error.message)}", err=True)
            return outcome, channel, None


def _judge(copy: bytes, *, as_json: bool) -> None:
    from nps_connect.rules.authentication import judge

    findings = judge(copy)
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            click.echo(f"{'ok   ' if finding.ok else 'WRONG'} {finding.text}")
            if finding.fix:
                click.echo(f"      {finding.fix}")
    if not all(finding.ok for finding in findings):
        raise click.exceptions.Exit(1)
