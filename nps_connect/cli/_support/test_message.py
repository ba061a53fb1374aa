"""Shared by ``surveys preview``, ``surveys test`` and ``doctor mail``: building and sending a test mail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.names import require_name
from nps_connect.cli._support.options import Options

if TYPE_CHECKING:
    from nps_connect.records.deliveries import Receipt
    from nps_connect.records.messages import Message
    from nps_connect.services.context import Context
    from nps_connect.services.invitations.sample_mails import SampleKind


@contextmanager
def open_context(options: Options) -> Iterator[Context]:
    """Build the application without requiring a current database schema: the database is neither read nor written.

    Raises:
        ConfigError: the configuration is invalid.
    """
    from nps_connect.app.application import build_application, open_ledger

    config = options.load_checked()
    application = build_application(config.settings, config.plugins, config.connections, open_ledger(config.settings))
    try:
        yield application.ctx
    finally:
        application.close()


def build_test_message(
    ctx: Context, survey: str, language: str | None, address: str, mail: SampleKind = "survey"
) -> Message:
    """Return one of the survey's mails, marked as a test.

    Raises:
        CommandError: no route sends such a mail.
        click.UsageError: there is no such survey; names the nearest one.
        click.BadParameter: the language is not a configured one.
    """
    from nps_connect.records.messages import Address
    from nps_connect.services.invitations.sample_mails import build_sample_mail

    surveys = ctx.settings.surveys
    require_name(survey, surveys, "survey")
    tag = language or surveys[survey].language or ctx.settings.core.language
    if tag not in ctx.settings.core.languages:
        raise click.BadParameter(f"one of {', '.join(ctx.settings.core.languages)}", param_hint="--language")
    message = build_sample_mail(ctx, survey, tag, to=Address(email=address), at=ctx.clock(), mail=mail)
    if message is None:
        raise CommandError('no route leads to a review page; add one with do = "invite_review"')
    return message


def send_test_message(ctx: Context, survey: str, message: Message) -> Receipt:
    """Send a message over the survey's channel and return the receipt.

    Raises:
        CommandError: the channel did not accept it.
    """
    from nps_connect.errors import DeliveryError

    channel = ctx.connections[ctx.settings.surveys[survey].channel]
    [outcome] = ctx.plugins.deliver(channel.settings.plugin, "nps_send_messages", channel, [message])
    if isinstance(outcome, DeliveryError):
        raise CommandError(f"not sent: {ctx.redact(outcome.message)}")
    return outcome
