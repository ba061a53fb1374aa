"""``nps-connect bounces read``."""

from __future__ import annotations

import mailbox
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nps_connect.cli._support.actor import audit_command
from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import pluralize, print_json

if TYPE_CHECKING:
    from nps_connect.services.context import Context

STANDARD_INPUT = "-"


@command
@click.argument("source", metavar="FILE", type=click.Path(exists=True, allow_dash=True))
@click.option("--via", metavar="CONNECTION", help="The channel that sent the mail; required with several channels.")
def read(options: Options, source: str, via: str | None, as_json: bool) -> None:
    """Process bounce reports and complaints in FILE: one message, an mbox, a Maildir folder, or - for standard input.

    Messages that are not reports are ignored. A report acts only if it names the Message-ID of one of our mails to that
    mailbox; others are listed by `bounces list`. Idempotent: a report counts once.
    """
    from nps_connect.errors import WebhookRejected
    from nps_connect.services.suppressions.bounces import process_bounce_report

    new_bounces = unattributed = reports = ignored = 0
    with options.open_application() as application:
        channel = _select_channel(application.ctx, via)
        for message in _iter_messages(source):
            try:
                result = process_bounce_report(application.ctx, channel, message, source="file")
            except WebhookRejected:
                ignored += 1
                continue
            reports, new_bounces = reports + 1, new_bounces + result.new
            unattributed += result.unattributed
        if reports:
            with application.ctx.ledger.write() as session:
                audit_command(session, f"connection:{channel}, {pluralize(reports, 'report', 'reports')}")
    if as_json:
        print_json(
            {"reports": reports, "new": new_bounces, "unattributed": unattributed, "passed_over": ignored},
        )
        return
    click.echo(
        f"{pluralize(reports, 'report', 'reports')} read, {pluralize(new_bounces, 'new bounce', 'new bounces')}, "
        f"{unattributed} without effect (about none of our mails), "
        f"{pluralize(ignored, 'other message', 'other messages')} ignored."
    )


def _select_channel(ctx: Context, via: str | None) -> str:
    channels = [name for name in ctx.connections if ctx.has(name, "nps_read_bounces")]
    allowed = ", ".join(channels) or "none"
    if via is not None and via not in channels:
        raise CommandError(f"connection {via!r} does not process bounce reports; connections that do: {allowed}")
    if via is None and len(channels) != 1:
        raise CommandError(f"specify the connection with --via; connections that process bounce reports: {allowed}")
    return via or channels[0]


def _iter_messages(source: str) -> Iterator[bytes]:
    path = Path(source)
    if source == STANDARD_INPUT:
        yield sys.stdin.buffer.read()
    elif path.is_dir():
        if not (path / "cur").is_dir():
            raise CommandError(f"{source} is a folder but not a Maildir (new/ and cur/ are missing)")
        maildir = mailbox.Maildir(path, create=False)
        yield from (maildir.get_bytes(key) for key in maildir.keys())  # noqa: SIM118  # iterating parses the messages
    elif path.read_bytes()[:5] == b"From ":
        with closing(mailbox.mbox(path, create=False)) as mbox:
            yield from (mbox.get_bytes(key) for key in mbox.keys())  # noqa: SIM118  # iterating parses the messages
    else:
        yield path.read_bytes()
