"""Count what the evaluation of a problem compares: of each person the latest response of a period."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Subquery, Text, and_, case, cast, false, func, literal_column, or_, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from nps_connect.ledger.comment_themes import CommentThemeRow
from nps_connect.ledger.problems import ProblemRow
from nps_connect.ledger.tables import ContactRow, ResponseRow
from nps_connect.records.base import SEGMENTS
from nps_connect.records.responses import segment_of
from nps_connect.rules.nps_arithmetic import NpsFigure, compute_nps
from nps_connect.rules.problem_effect import DaySpan, ScoreComparison, ShareComparison
from nps_connect.rules.report_period import day_start
from nps_connect.services.problems.concerned import group_conditions
from nps_connect.settings.model import Settings

_BEFORE, _AFTER = 0, 1
ROWS_PER_FETCH = 1000


def count_scores_compared(session: Session, settings: Settings, row: ProblemRow) -> ScoreComparison:
    """Return the figures of those concerned and of the others, before and after the fix."""
    compared, is_concerned = group_conditions(settings, row.concerned)
    group = case((is_concerned, literal_column("1")), else_=literal_column("0")).label("group_number")
    latest = _latest_responses(settings, row, compared, col(ResponseRow.score).label("score"), group).c
    keys = latest.period, latest.group_number, latest.score
    counts: Counter[tuple[int, int, str]] = Counter()
    for period, group_number, score, number in session.execute(
        select(*keys, func.count()).where(latest.rank == 1).group_by(*keys)
    ):
        counts[period, group_number, segment_of(score)] += number

    def figure(period: int, group_number: int) -> NpsFigure:
        return compute_nps(*(counts[period, group_number, segment] for segment in SEGMENTS))

    return ScoreComparison(figure(_BEFORE, 1), figure(_AFTER, 1), figure(_BEFORE, 0), figure(_AFTER, 0))


def count_choice(session: Session, settings: Settings, row: ProblemRow) -> ShareComparison:
    """Return how many of those concerned chose the cause in a follow-up question, before and after the fix."""
    compared, is_concerned = group_conditions(settings, row.concerned)
    answers: ColumnElement[Any] = col(ResponseRow.follow_up).label("answers")
    latest = _latest_responses(settings, row, [*compared, is_concerned], answers).c
    query = select(latest.period, latest.answers).where(latest.rank == 1)
    question, choice = row.cause["question"], row.cause["choice"]
    named, respondents = [0, 0], [0, 0]
    for period, given in session.execute(query.execution_options(yield_per=ROWS_PER_FETCH)):
        respondents[period] += 1
        named[period] += any(answer["name"] == question and answer["answer"] == choice for answer in given)
    return ShareComparison(named[_BEFORE], respondents[_BEFORE], named[_AFTER], respondents[_AFTER])


def count_theme(session: Session, settings: Settings, row: ProblemRow) -> ShareComparison:
    """Return how many comments of those concerned name the theme, of how many responses, before and after the fix.

    Comments in which nobody has looked for themes yet are left out.
    """
    compared, is_concerned = group_conditions(settings, row.concerned)
    of_theme = select(col(CommentThemeRow.response_id)).where(col(CommentThemeRow.theme) == row.cause["theme"])
    is_named = case((col(ResponseRow.id).in_(of_theme), literal_column("1")), else_=literal_column("0"))
    is_searched = col(ResponseRow.classified_by).is_not(None) | (func.coalesce(col(ResponseRow.comment), "") == "")
    latest = _latest_responses(settings, row, [*compared, is_concerned, is_searched], is_named.label("is_named")).c
    query = select(latest.period, func.sum(latest.is_named), func.count()).where(latest.rank == 1)
    counts = {period: (named, number) for period, named, number in session.execute(query.group_by(latest.period))}
    (named_before, before), (named_after, after) = (counts.get(period, (0, 0)) for period in (_BEFORE, _AFTER))
    return ShareComparison(int(named_before), before, int(named_after), after)


def _latest_responses(
    settings: Settings, row: ProblemRow, conditions: Sequence[ColumnElement[bool]], *columns: ColumnElement[Any]
) -> Subquery:
    """Return the responses of both periods, numbered for each person and period from the newest one.

    A person is a mailbox, or a contact without one; a contact that was merged into another one is that one.
    """
    before = _is_within(settings, [DaySpan(*map(date.fromisoformat, span)) for span in row.before])
    has_after = row.after_first is not None and row.after_last is not None
    after = _is_within(settings, [DaySpan(row.after_first, row.after_last)] if has_after else [])  # type: ignore[arg-type]
    survivor = aliased(ContactRow)
    contact_id = cast(func.coalesce(col(ContactRow.merged_into), col(ContactRow.id)), Text)
    person = func.coalesce(col(survivor.mailbox), col(ContactRow.mailbox), contact_id)
    period = case((before, literal_column("0")), else_=literal_column("1"))
    newest = func.row_number().over(
        partition_by=(period, person), order_by=(col(ResponseRow.answered_at).desc(), col(ResponseRow.id).desc())
    )
    query = (
        select(period.label("period"), newest.label("rank"), *columns)
        .select_from(ResponseRow)
        .join(ContactRow, col(ContactRow.id) == col(ResponseRow.contact_id))
        .outerjoin(survivor, col(survivor.id) == col(ContactRow.merged_into))
        .where(or_(before, after), *conditions)
    )
    return query.subquery()


def _is_within(settings: Settings, spans: Sequence[DaySpan]) -> ColumnElement[bool]:
    zone, answered_at = settings.core.zone, col(ResponseRow.answered_at)
    moments = [(day_start(span.first, zone), day_start(span.last + timedelta(days=1), zone)) for span in spans]
    return or_(false(), *(and_(answered_at >= start, answered_at < end) for start, end in moments))
