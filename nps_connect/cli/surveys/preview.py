"""``nps-connect surveys preview``."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.lazy_group import Command
from nps_connect.cli._support.options import Options, json_option, pass_options
from nps_connect.cli._support.output import print_fields, print_json

if TYPE_CHECKING:
    from nps_connect.records.messages import Message
    from nps_connect.services.invitations.sample_mails import SampleKind

MAILS = ("survey", "reminder", "confirm", "review", "help")


@click.command(cls=Command)
@click.argument("name")
@click.option("--language", metavar="TAG", help="Of the mail; the survey's own if not given.")
@click.option(
    "--mail",
    type=click.Choice(MAILS),
    default="survey",
    show_default=True,
    help="Which one: the survey, its reminder, the request to confirm a low score, or the mail after an answer that "
    "leads with the review or with help.",
)
@click.option("--open", "open_it", is_flag=True, help="Open it in the browser.")
@click.option(
    "--folder", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="Where to; here if not given."
)
@json_option
@pass_options
def preview(
    options: Options, name: str, language: str | None, mail: SampleKind, open_it: bool, folder: Path, as_json: bool
) -> None:
    """Write a mail of survey NAME to a file, as HTML and as plain text; nothing is sent.

    Its links lead to test pages, where whatever is pressed counts nowhere; a review link leads to the platform itself.
    """
    from nps_connect.cli._support.test_message import build_test_message, open_context

    with open_context(options) as ctx:
        message = build_test_message(ctx, name, language, "preview@example.com", mail)
    stem = "-".join([name, *([] if mail == "survey" else [mail]), message.language])
    html, text = folder / f"{stem}.html", folder / f"{stem}.txt"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        html.write_text(_self_contained(message), encoding="utf-8")
        text.write_text(f"Subject: {message.subject}\n\n{message.text}", encoding="utf-8")
    except OSError as error:
        raise CommandError(f"cannot write {error.filename}: {error.strerror}") from None
    told = {"subject": message.subject, "html": str(html), "text": str(text), "bytes": len(html.read_bytes())}
    if as_json:
        print_json(told)
    else:
        print_fields(told.items())
    if open_it and click.launch(str(html.resolve())):
        click.echo(f"note: no program to open it with was found; open {html} yourself", err=True)


def _self_contained(message: Message) -> str:
    """The HTML part with the images that travel inside the mail put into it, so that a browser shows them."""
    html = message.html or ""
    for image in message.inline_images:
        data = base64.b64encode(image.data).decode()
        html = html.replace(f"cid:{image.content_id}", f"data:{image.media_type};base64,{data}")
    return html
