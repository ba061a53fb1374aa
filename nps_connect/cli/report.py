"""``nps-connect report``."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nps_connect.cli._support.completion import complete_survey
from nps_connect.cli._support.names import require_known
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import pluralize, print_json, print_table
from nps_connect.cli._support.periods import parse_period, period_options
from nps_connect.cli._support.report_choice import FORMATS, ReportChoice

if TYPE_CHECKING:
    from sqlmodel import Session

    from nps_connect.rules.nps_arithmetic import NpsFigure
    from nps_connect.settings.model import Settings


@command
@click.option("--survey", help="Only this survey.", shell_complete=complete_survey)
@period_options
@click.option("--latest", is_flag=True, help="Count only the latest response of each contact in the period.")
@click.option("--by", help="Groups: survey, touchpoint, language, collected_by, team, or a name of [core.dimensions].")
@click.option("--compare", type=click.Choice(["previous"]), help="Compare with the period of the same length before.")
@click.option(
    "--format",
    "output_format",
    type=click.Choice(FORMATS),
    default="table",
    help="csv is for spreadsheets.",
    show_default=True,
)
@click.option("--output", type=click.Path(path_type=Path), help="Write csv, md or html to this file.")
def report(
    options: Options,
    survey: str | None,
    since: str | None,
    until: str | None,
    latest: bool,
    by: str | None,
    compare: str | None,
    output_format: str,
    output: Path | None,
    as_json: bool,
) -> None:
    """Print the Net Promoter Score with its 95 % interval and number of responses.

    Only confirmed responses count. Days are days in the company's time zone. A score from fewer than 30 responses is
    too small to judge. With --compare and no --since, the period is the shortest of 4 weeks, 3 months and 12 months
    with 30 responses. A change is called better or worse only if it is beyond chance; the order of groups says nothing
    about which is better.
    """
    from sqlmodel import col

    if output is not None and (as_json or output_format == "table"):
        raise click.UsageError("--output needs --format csv, md or html")
    if by or compare or output_format != "table":
        if latest:
            raise click.UsageError("--latest cannot be combined with --by, --compare and --format")
        _print_groups(
            options, survey, since, until, ReportChoice(by, compare is not None, output_format, as_json, output)
        )
        return

    from nps_connect.ledger.tables import ResponseRow
    from nps_connect.services.responses.segment_counts import ALL_SURVEYS

    with options.open_ledger() as (ledger, settings):
        start, end = parse_period(settings, since, until)
        with ledger.read() as session:
            require_known(survey, settings.surveys, "survey", session, col(ResponseRow.survey))
            surveys = _count_surveys(session, settings, survey, start, end, latest=latest)
            cases = _count_cases(session, survey, start, end)
    overall = surveys.pop(ALL_SURVEYS)
    if as_json:
        by_survey = {name: asdict(figure) for name, figure in surveys.items()}
        print_json({"since": start, "until": end, **asdict(overall), "surveys": by_survey, "cases": cases})
        return
    rows = [_row(name, figure) for name, figure in surveys.items()]
    print_table(
        ["survey", "NPS", "responses", "promoters", "passives", "detractors", "provisional", ""],
        [*rows, _row(ALL_SURVEYS, overall)] if len(rows) > 1 else rows,
        empty="no responses",
    )
    if cases["opened"]:
        opened = pluralize(cases["opened"], "case", "cases")
        click.echo(f"{opened} opened, {cases['solved']} solved, {cases['recovered']} recovered")


def _count_surveys(
    session: Session,
    settings: Settings,
    survey: str | None,
    start: datetime | None,
    end: datetime | None,
    *,
    latest: bool,
) -> dict[str, NpsFigure]:
    """Return the score by survey, and of all surveys under `ALL_SURVEYS`."""
    from nps_connect.rules.nps_arithmetic import compute_nps
    from nps_connect.rules.score_counts import ScoreCounts
    from nps_connect.services.reports.counts import count_by_dimension
    from nps_connect.services.reports.filters import ResponseFilter
    from nps_connect.services.responses.segment_counts import ALL_SURVEYS, count_responses

    if latest:
        counts = count_responses(session, survey, start, end, latest=True)
        return {name: compute_nps(**by_segment) for name, by_segment in counts.items()}
    response_filter = ResponseFilter(start=start, end=end, survey=survey)
    groups = count_by_dimension(session, settings.core.zone, response_filter, "survey")
    figures = {name: group.figure() for name, group in groups.items()}
    return {ALL_SURVEYS: sum(groups.values(), ScoreCounts()).figure(), **figures}


def _print_groups(
    options: Options, survey: str | None, since: str | None, until: str | None, choice: ReportChoice
) -> None:
    from sqlmodel import col

    from nps_connect.cli._support.group_report import print_group_report
    from nps_connect.connection import system_clock
    from nps_connect.ledger.tables import ResponseRow
    from nps_connect.services.reports.filters import ResponseFilter

    with options.open_ledger() as (ledger, settings), ledger.read() as session:
        start, end = parse_period(settings, since, until)
        require_known(survey, settings.surveys, "survey", session, col(ResponseRow.survey))
        response_filter = ResponseFilter(start=start, end=end, survey=survey)
        print_group_report(session, settings, choice, response_filter, system_clock())


def _count_cases(session: Session, survey: str | None, start: datetime | None, end: datetime | None) -> dict[str, int]:
    """Return how many cases were opened in the period, and how many of those are solved and recovered by now."""
    from sqlalchemy import func, select
    from sqlmodel import col

    from nps_connect.ledger.cases import CaseRow
    from nps_connect.ledger.tables import ResponseRow

    query = select(func.count(), func.count(col(CaseRow.solved_at)), func.count(col(CaseRow.recovered_at)))
    query = query.select_from(CaseRow)
    if survey is not None:
        query = query.join(ResponseRow, col(ResponseRow.id) == col(CaseRow.response_id))
        query = query.where(col(ResponseRow.survey) == survey)
    if start is not None:
        query = query.where(col(CaseRow.opened_at) >= start)
    if end is not None:
        query = query.where(col(CaseRow.opened_at) < end)
    opened, solved, recovered = session.execute(query).one()
    return {"opened": opened, "solved": solved, "recovered": recovered}


def _row(name: str, figure: NpsFigure) -> tuple[Any, ...]:
    score = "-" if figure.score is None else f"{figure.score:+.1f} ({figure.low:+.1f} to {figure.high:+.1f})"
    return (
        name,
        score,
        figure.responses,
        figure.promoters,
        figure.passives,
        figure.detractors,
        f"{figure.provisional_share:.1%}",
        "too small to judge" if figure.too_small else "",
    )
