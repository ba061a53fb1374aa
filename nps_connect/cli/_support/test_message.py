"""What `surveys preview` and `surveys test` share: the sample of a survey's mail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.options import Options

if TYPE_CHECKING:
    from nps_connect.records.messages import Message
    from nps_connect.services.context import Context
    from nps_connect.services.invitations.sample_mails import SampleKind


@contextmanager
def open_context(options: Options) -> Iterator[Context]:
    """Everything joined, without asking for a database that is up to date: nothing is read from it or written.

    Raises:
        ConfigError: a mistake in the configuration.
    """
    from nps_connect.app.application import build_application, open_ledger

    checked = options.checked()
    application = build_application(
        checked.settings, checked.plugins, checked.connections, open_ledger(checked.settings)
    )
    try:
        yield application.ctx
    finally:
        application.close()


def build_test_message(
    ctx: Context, name: str, language: str | None, address: str, mail: SampleKind = "survey"
) -> Message:
    """One of a survey's mails as a test.

    Raises:
        Failure: there is no such survey, or no route that leads to such a mail.
        click.BadParameter: the language is not one of the company's.
    """
    from nps_connect.records.messages import Address
    from nps_connect.services.invitations.sample_mails import build_sample_mail
    from nps_connect.settings.key_paths import nearest

    known = list(ctx.settings.surveys)
    if name not in known:
        near = nearest(name, known)
        raise CommandError(f"there is no survey {name!r}" + (f"; did you mean {near!r}?" if near else ""))
    tongue = language or ctx.settings.surveys[name].language or ctx.settings.core.language
    if tongue not in ctx.settings.core.languages:
        raise click.BadParameter(f"one of {', '.join(ctx.settings.core.languages)}", param_hint="--language")
    message = build_sample_mail(ctx, name, tongue, to=Address(email=address), at=ctx.clock(), mail=mail)
    if message is None:
        raise CommandError('no route leads to a review page; add one with do = "invite_review"')
    return message
