"""``nps-connect surveys preview``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nps_connect.cli._support.completion import complete_survey
from nps_connect.cli._support.mail_files import write_mail
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_fields, print_json

if TYPE_CHECKING:
    from nps_connect.services.invitations.sample_mails import SampleKind

MAILS = ("survey", "reminder", "confirm", "review", "help")


@command
@click.argument("name", shell_complete=complete_survey)
@click.option("--language", metavar="TAG", help="Language of the mail; default: the survey's language.")
@click.option(
    "--mail",
    type=click.Choice(MAILS),
    default="survey",
    show_default=True,
    help="Which mail: the survey, its reminder, the request to confirm a low score, or the mail after a response that "
    "leads with the review or with help.",
)
@click.option("--open", "open_it", is_flag=True, help="Open the HTML file in the browser.")
@click.option(
    "--folder", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="Default: current folder."
)
def preview(
    options: Options, name: str, language: str | None, mail: SampleKind, open_it: bool, folder: Path, as_json: bool
) -> None:
    """Write a mail of survey NAME to an HTML file and a text file; nothing is sent.

    Survey links lead to test pages that record nothing; a review link leads to the real platform.
    """
    from nps_connect.cli._support.test_message import build_test_message, open_context

    with open_context(options) as ctx:
        message = build_test_message(ctx, name, language, "preview@example.com", mail)
    stem = "-".join([name, *([] if mail == "survey" else [mail]), message.language])
    result = write_mail(message, folder, stem)
    if as_json:
        print_json(result)
    else:
        print_fields(result)
    if open_it and click.launch(str(Path(result["html"]).resolve())):
        click.echo(f"warning: cannot start a browser; open {result['html']} manually", err=True)
