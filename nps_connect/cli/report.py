"""``nps-connect report``."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from nps_connect.cli._support.case_counts import count_cases
from nps_connect.cli._support.lazy_group import Command
from nps_connect.cli._support.options import Options, json_option, pass_options
from nps_connect.cli._support.output import pluralize, print_json, print_table
from nps_connect.cli._support.periods import parse_period, period_options

if TYPE_CHECKING:
    from sqlmodel import Session

    from nps_connect.rules.nps_arithmetic import NpsFigure

Counts = dict[str, dict[str, int]]
ALL_SURVEYS = "all surveys"


@click.command(cls=Command)
@click.option("--survey", help="Only this survey.")
@period_options
@click.option("--latest", is_flag=True, help="Count only the latest answer of each contact in the period.")
@json_option
@pass_options
def report(
    options: Options, survey: str | None, since: str | None, until: str | None, latest: bool, as_json: bool
) -> None:
    """Print the Net Promoter Score with its margin of error and number of responses.

    Only confirmed answers count. Days are days in the company's time zone. Below 30 responses a score is too small to
    judge.
    """
    from nps_connect.rules.nps_arithmetic import compute_nps

    with options.ledger() as (ledger, settings):
        begin, end = parse_period(settings, since, until)
        with ledger.read() as session:
            counts = _count_responses(session, survey, begin, end, latest=latest)
            cases = count_cases(session, survey, begin, end)
    overall = compute_nps(**counts.pop(ALL_SURVEYS))
    surveys = {name: compute_nps(**by_segment) for name, by_segment in counts.items()}
    if as_json:
        by_survey = {name: asdict(one) for name, one in surveys.items()}
        print_json({"since": begin, "until": end, **asdict(overall), "surveys": by_survey, "cases": cases})
        return
    rows = [_row(name, one) for name, one in surveys.items()]
    print_table(
        ["survey", "NPS", "responses", "promoters", "passives", "detractors", "provisional", ""],
        [*rows, _row(ALL_SURVEYS, overall)] if len(rows) > 1 else rows,
        empty="no responses",
    )
    if cases["opened"]:
        told = pluralize(cases["opened"], "case", "cases")
        click.echo(f"{told} opened, {cases['solved']} solved, {cases['recovered']} recovered")


def _count_responses(
    session: Session, survey: str | None, begin: datetime | None, end: datetime | None, *, latest: bool
) -> Counts:
    """Answers by survey and segment, and over all surveys under `ALL`."""
    from sqlalchemy import case, func, select
    from sqlmodel import col

    from nps_connect.ledger.tables import ResponseRow
    from nps_connect.records.responses import NPS_SCALE, segment_of

    confirmed = (col(ResponseRow.revision) > 0) & col(ResponseRow.conflicting_at).is_(None)
    at = case((col(ResponseRow.revision) > 0, col(ResponseRow.answered_at)), else_=col(ResponseRow.provisional_at))
    newest = func.row_number().over(
        partition_by=(confirmed, col(ResponseRow.contact_id)), order_by=(at.desc(), col(ResponseRow.id).desc())
    )
    score = case((col(ResponseRow.revision) > 0, col(ResponseRow.score)), else_=col(ResponseRow.provisional_score))
    answers = select(
        col(ResponseRow.survey).label("survey"),
        score.label("score"),
        confirmed.label("confirmed"),
        newest.label("place"),
    ).where(score.is_not(None), col(ResponseRow.scale) == NPS_SCALE)
    if survey is not None:
        answers = answers.where(col(ResponseRow.survey) == survey)
    if begin is not None:
        answers = answers.where(at >= begin)
    if end is not None:
        answers = answers.where(at < end)
    found = answers.subquery()
    query = select(found.c.survey, found.c.score, found.c.confirmed, func.count())
    if latest:
        query = query.where(found.c.place == 1)
    query = query.group_by(found.c.survey, found.c.score, found.c.confirmed).order_by(found.c.survey)
    names = ("promoters", "passives", "detractors", "provisional")
    counts: Counts = {ALL_SURVEYS: dict.fromkeys(names, 0)}
    for name, value, is_confirmed, number in session.execute(query):
        column = f"{segment_of(value)}s" if is_confirmed else "provisional"
        for group in (name, ALL_SURVEYS):
            counts.setdefault(group, dict.fromkeys(names, 0))[column] += number
    return counts


def _row(name: str, one: NpsFigure) -> tuple[Any, ...]:
    score = "-" if one.score is None else f"{one.score:+.1f} ± {one.margin:.1f}"
    return (
        name,
        score,
        one.responses,
        one.promoters,
        one.passives,
        one.detractors,
        f"{one.provisional_share:.1%}",
        "too small to judge" if one.too_small else "",
    )
