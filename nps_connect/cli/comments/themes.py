"""``nps-connect comments themes``."""

from __future__ import annotations

from pathlib import Path

import click

from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_json

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@command
@click.argument("comment", metavar="[TEXT]", required=False)
@click.option("--file", type=FILE, help="Classify each line of this file instead.")
@click.option("--words", type=FILE, metavar="FILE", help="Use this file of themes instead of the configured one.")
@click.option("--language", help="Language of comments whose words do not tell it; default: that of the company.")
def themes(
    options: Options, comment: str | None, file: Path | None, words: Path | None, language: str | None, as_json: bool
) -> None:
    """Show the themes of a comment and the words by which they are found. Nothing is stored or sent.

    Without a configuration, the words that come with nps-connect are used.
    """
    from nps_connect.rules.theme_model import ThemeModel
    from nps_connect.settings.themes import load_theme_file

    if (comment is None) == (file is None):
        raise CommandError("give a comment, or --file with one comment on each line")
    company_language = "en"
    if words is None and options.path.exists():
        settings = options.load_settings(needs_secrets=False)
        words, company_language = settings.comments.themes, settings.core.language
    theme_file = load_theme_file(words)
    model = ThemeModel(theme_file)
    try:
        comments = [comment or ""] if file is None else file.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise CommandError(f"{file} is not UTF-8; save it as UTF-8") from None
    results = [(text, model.classify(text, language or company_language)) for text in comments if text.strip()]
    if as_json:
        print_json([{"comment": text, "themes": [match._asdict() for match in matches]} for text, matches in results])
        return
    for text, matches in results:
        if file is not None:
            click.echo(f"\n{text}")
        for match in matches:
            click.echo(f"  {theme_file.themes[match.theme].name_in('en')}: {', '.join(match.words)}")
        if not matches:
            click.echo("  no theme")
