"""What `surveys preview` and `surveys send` share: the sample of a survey's mail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from nps_connect.cli.guarding import Failure
from nps_connect.cli.options import Options

if TYPE_CHECKING:
    from nps_connect.flows.context import Context
    from nps_connect.flows.inviting.samples import Mail
    from nps_connect.records.messages import Message


@contextmanager
def without_ledger(options: Options) -> Iterator[Context]:
    """Everything joined, without asking for a database that is up to date: nothing is read from it or written.

    Raises:
        ConfigError: a mistake in the configuration.
    """
    from nps_connect.wiring.application import join, open_ledger

    checked = options.checked()
    application = join(checked.settings, checked.plugins, checked.connections, open_ledger(checked.settings))
    try:
        yield application.ctx
    finally:
        application.close()


def sample_of(ctx: Context, name: str, language: str | None, address: str, mail: Mail = "survey") -> Message:
    """One of a survey's mails as a test.

    Raises:
        Failure: there is no such survey, or no route that leads to such a mail.
        click.BadParameter: the language is not one of the company's.
    """
    from nps_connect.flows.inviting.samples import sample
    from nps_connect.records.messages import Address
    from nps_connect.settings.places import nearest

    known = list(ctx.settings.surveys)
    if name not in known:
        near = nearest(name, known)
        raise Failure(f"there is no survey {name!r}" + (f"; did you mean {near!r}?" if near else ""))
    tongue = language or ctx.settings.surveys[name].language or ctx.settings.core.language
    if tongue not in ctx.settings.core.languages:
        raise click.BadParameter(f"one of {', '.join(ctx.settings.core.languages)}", param_hint="--language")
    message = sample(ctx, name, tongue, to=Address(email=address), at=ctx.clock(), mail=mail)
    if message is None:
        raise Failure('no route leads to a review page; add one with do = "invite_review"')
    return message
