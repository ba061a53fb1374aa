"""``nps-connect comments report``."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from nps_connect.cli._support.completion import complete_survey
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_json, print_table

if TYPE_CHECKING:
    from nps_connect.services.comments.theme_shares import ThemeShare


COLUMNS = ("theme", "comments", "promoters", "detractors", "moved")


@command
@click.option("--days", type=click.IntRange(1, 3660), default=90, show_default=True, help="Length of the period.")
@click.option("--survey", help="Only this survey.", shell_complete=complete_survey)
def report(options: Options, days: int, survey: str | None, as_json: bool) -> None:
    """Report which themes and choices occur in the last days, among promoters and detractors.

    The movement is that of the share in all comments since the period of the same length before, in percentage points.
    """
    from sqlmodel import col

    from nps_connect.connection import system_clock
    from nps_connect.ledger.tables import ResponseRow
    from nps_connect.services.comments.classify import load_themes
    from nps_connect.services.comments.follow_up_counts import count_choices
    from nps_connect.services.comments.theme_shares import load_theme_shares

    now, length, at = system_clock(), timedelta(days=days), col(ResponseRow.answered_at)
    of_survey = [] if survey is None else [col(ResponseRow.survey) == survey]
    current, earlier = [at >= now - length, at < now], [at >= now - 2 * length, at < now - length]
    with options.open_ledger() as (ledger, settings), ledger.read() as session:
        shares = load_theme_shares(session, [*current, *of_survey], [*earlier, *of_survey])
        choices = count_choices(session, settings, [*current, *of_survey])
    if as_json:
        print_json({"themes": [asdict(share) for share in shares], "choices": [choice._asdict() for choice in choices]})
        return
    theme_file = load_themes(settings.comments.themes).file
    rows = [
        _row(share, theme_file.themes[share.theme].name_in("en"))
        for share in shares
        if share.theme in theme_file.themes and share.comments
    ]
    print_table(COLUMNS, rows, empty="no themes in this period")
    for choice in choices:
        click.echo(f"{choice.question}  {choice.choice}: {choice.responses} of {choice.answered}")


def _row(share: ThemeShare, name: str) -> tuple[str, ...]:
    movement = share.movement
    moved = "" if movement is None or movement.too_small else f"{movement.points:+.0f}"
    certainty = " beyond noise" if moved and movement is not None and movement.is_beyond_noise else ""
    return (
        name,
        f"{share.comments} of {share.of_comments}",
        f"{share.promoters} of {share.of_promoters}",
        f"{share.detractors} of {share.of_detractors}",
        moved + certainty,
    )
