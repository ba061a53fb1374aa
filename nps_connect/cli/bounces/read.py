"""``nps-connect bounces read``."""

from __future__ import annotations

import mailbox
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.lazy_group import Command
from nps_connect.cli._support.options import Options, json_option, pass_options
from nps_connect.cli._support.output import pluralize, print_json

if TYPE_CHECKING:
    from nps_connect.services.context import Context

STANDARD_INPUT = "-"


@click.command(cls=Command)
@click.argument("source", metavar="FILE", type=click.Path(exists=True, allow_dash=True))
@click.option("--via", metavar="CONNECTION", help="Whose mail came back; needed with several channels.")
@json_option
@pass_options
def read(options: Options, source: str, via: str | None, as_json: bool) -> None:
    """Read reports from FILE: one message, an mbox, a Maildir folder, or - for standard input.

    Messages that are no report are passed over; the same report twice counts once.
    """
    from nps_connect.errors import WebhookRejected
    from nps_connect.services.suppressions.bounces import process_bounce_report

    new = reports = others = 0
    with options.application() as application:
        channel = _channel(application.ctx, via)
        for message in _messages(source):
            try:
                new += process_bounce_report(application.ctx, channel, message, source="file")
                reports += 1
            except WebhookRejected:
                others += 1
    if as_json:
        print_json({"reports": reports, "new": new, "passed_over": others})
        return
    click.echo(
        f"{pluralize(reports, 'report', 'reports')} read, {pluralize(new, 'bounce', 'bounces')} new, "
        f"{pluralize(others, 'other message', 'other messages')} passed over."
    )


def _channel(ctx: Context, via: str | None) -> str:
    able = [name for name in ctx.connections if ctx.has(name, "nps_read_bounces")]
    if via is not None and via not in able:
        raise CommandError(f"connection {via!r} reads no such reports; those that do: {', '.join(able) or 'none'}")
    if via is None and len(able) != 1:
        raise CommandError(f"name the connection with --via; those that read reports: {', '.join(able) or 'none'}")
    return via or able[0]


def _messages(source: str) -> Iterator[bytes]:
    path = Path(source)
    if source == STANDARD_INPUT:
        yield sys.stdin.buffer.read()
    elif path.is_dir():
        if not (path / "cur").is_dir():
            raise CommandError(f"{source} is a folder, but not a Maildir (it lacks new/ and cur/)")
        yield from (message.as_bytes() for message in mailbox.Maildir(path, create=False))
    elif path.read_bytes()[:5] == b"From ":
        with closing(mailbox.mbox(path, create=False)) as mbox:
            yield from (message.as_bytes() for message in mbox)
    else:
        yield path.read_bytes()
