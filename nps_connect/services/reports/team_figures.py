"""What a team sees of its own work: score, improvement, customers won back, open cases and comments."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, tzinfo
from typing import NamedTuple

from sqlalchemy import ColumnElement, func, select
from sqlmodel import Session, col

from nps_connect.ledger.cases import CaseRow
from nps_connect.ledger.response_dimensions import TEAM, ResponseDimensionRow
from nps_connect.ledger.tables import ContactRow, ResponseRow
from nps_connect.rules.holm import CORRECTED_FROM, find_significant
from nps_connect.rules.nps_arithmetic import Difference, NpsFigure, compute_difference
from nps_connect.rules.report_period import ReportPeriod, day_start, default_period, previous_period
from nps_connect.rules.staff_privacy import SMALL_TEAM_MEMBERS
from nps_connect.services.cases.case_list import due_column
from nps_connect.services.reports.counts import count_scores
from nps_connect.services.reports.filters import ResponseFilter
from nps_connect.settings.model import Settings

COMMENTS_SHOWN = 5


@dataclass(frozen=True)
class TeamFigures:
    """A team in the shortest standard period that has enough responses.

    Attributes:
        team: its name in the configuration.
        period, earlier_period: of the figures.
        figure, earlier: the scores; None for a team so small that its score is that of single people.
        difference: between the two; None if one of them has no responses.
        has_improved: the score rose beyond noise, also when all teams are compared at once.
        recovered: unhappy customers who gave a better score within the period.
        open_cases, late_cases: unhappy customers to call; those that are overdue.
    """

    team: str
    period: ReportPeriod
    earlier_period: ReportPeriod
    figure: NpsFigure | None
    earlier: NpsFigure | None
    difference: Difference | None
    has_improved: bool
    recovered: int
    open_cases: int
    late_cases: int

    @property
    def has_recognition(self) -> bool:
        """Whether there is something to be proud of."""
        return self.has_improved or self.recovered > 0


class TeamComment(NamedTuple):
    """A comment of a customer of the team."""

    public_id: str
    score: int
    comment: str
    name: str | None
    answered_at: datetime


class _Scores(NamedTuple):
    """The figures of one team, before all teams are compared."""

    period: ReportPeriod
    figure: NpsFigure
    earlier: NpsFigure
    difference: Difference | None

    @property
    def is_beyond_noise(self) -> bool:
        """Whether the score moved beyond noise, were it the only team."""
        return self.difference is not None and self.difference.is_beyond_noise


class _CaseCounts(NamedTuple):
    """The cases of a team."""

    recovered: int
    open: int
    late: int


def is_small_team(settings: Settings, team: str) -> bool:
    """Return whether the score of a team would be the score of single people."""
    return len(settings.teams[team].members) < SMALL_TEAM_MEMBERS


def load_teams(session: Session, settings: Settings, now: datetime) -> list[TeamFigures]:
    """Return all configured teams, in the order of the configuration: they are never ranked.

    With more than five teams, an improvement counts as beyond noise only if it is so by Holm's correction: of twenty
    teams one would improve by chance alone.
    """
    zone = settings.core.zone
    today = now.astimezone(zone).date()
    scores = {team: _load_scores(session, zone, team, today) for team in settings.teams}
    judged = {
        team: item.difference.p_value
        for team, item in scores.items()
        if item.difference and item.difference.p_value is not None and not item.difference.too_small
        if not is_small_team(settings, team)
    }
    if len(judged) >= CORRECTED_FROM:
        moved = find_significant(judged)
    else:
        moved = frozenset(team for team in judged if scores[team].is_beyond_noise)
    is_open, is_late = col(CaseRow.state) == "open", due_column() <= now
    open_cases, late_cases = _count_cases(session, is_open), _count_cases(session, is_open, is_late)
    recovered = {
        period: _count_recovered(session, period, zone)
        for period in dict.fromkeys(item.period for item in scores.values())
    }
    return [
        _team_figures(
            settings,
            team,
            item,
            moved,
            _CaseCounts(recovered[item.period].get(team, 0), open_cases.get(team, 0), late_cases.get(team, 0)),
        )
        for team, item in scores.items()
    ]


def _load_scores(session: Session, zone: tzinfo, team: str, today: date) -> _Scores:
    of_team = ResponseFilter(team=team)

    def count_since(start: date) -> int:
        return count_scores(session, zone, of_team.during(start, None, zone)).responses

    period = default_period(today, count_since)
    earlier_period = previous_period(period)
    figure, earlier = (
        count_scores(session, zone, of_team.during(item.start, item.end, zone)).figure()
        for item in (period, earlier_period)
    )
    difference = compute_difference(figure, earlier) if figure.responses and earlier.responses else None
    return _Scores(period, figure, earlier, difference)


def _team_figures(
    settings: Settings, team: str, scores: _Scores, moved: frozenset[str], cases: _CaseCounts
) -> TeamFigures:
    is_hidden = is_small_team(settings, team)
    difference = None
    if scores.difference is not None and not is_hidden:
        difference = replace(scores.difference, is_beyond_noise=team in moved)
    is_up = difference is not None and (difference.points or 0) > 0
    return TeamFigures(
        team=team,
        period=scores.period,
        earlier_period=previous_period(scores.period),
        figure=None if is_hidden else scores.figure,
        earlier=None if is_hidden else scores.earlier,
        difference=difference,
        has_improved=team in moved and is_up,
        recovered=cases.recovered,
        open_cases=cases.open,
        late_cases=cases.late,
    )


def _count_recovered(session: Session, period: ReportPeriod, zone: tzinfo) -> dict[str, int]:
    recovered_at = col(CaseRow.recovered_at)
    return _count_cases(
        session, recovered_at >= day_start(period.start, zone), recovered_at < day_start(period.end, zone)
    )


def _count_cases(session: Session, *conditions: ColumnElement[bool]) -> dict[str, int]:
    """Return the number of cases by team, of all teams at once: reading them team by team takes 20 times as long."""
    group = ResponseDimensionRow.__table__.c
    query = select(group.value, func.count()).select_from(CaseRow)
    query = query.join(ResponseRow, col(ResponseRow.id) == col(CaseRow.response_id))
    is_team = func.coalesce(group.name, "") == TEAM  # the index by name would lead through all responses of all teams
    query = query.join(group.response_id.table, (group.response_id == col(ResponseRow.id)) & is_team)
    query = query.where(*conditions, *ResponseFilter().conditions()).group_by(group.value)
    return {row[0]: row[1] for row in session.execute(query)}


def load_team_comments(session: Session, team: str) -> list[TeamComment]:
    """Return the newest comments of a team's customers."""
    of_team = ResponseFilter(team=team, has_comment=True).conditions()
    answer = col(ResponseRow.public_id), col(ResponseRow.score), col(ResponseRow.comment)
    name = func.coalesce(col(ContactRow.name), col(ContactRow.email))
    query = select(*answer, name, col(ResponseRow.answered_at))
    query = query.join(ContactRow, col(ContactRow.id) == col(ResponseRow.contact_id)).where(*of_team)
    newest = query.order_by(col(ResponseRow.answered_at).desc(), col(ResponseRow.id).desc()).limit(COMMENTS_SHOWN)
    return [TeamComment(*row) for row in session.execute(newest)]
