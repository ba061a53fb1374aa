"""Teams: each sees its own score, cases and comments, and what it did well; nobody is ranked."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter
from starlette.responses import Response

from nps_connect.rendering.figure_texts import (
    MovementText,
    earlier_period_name,
    format_score,
    interval_text,
    movement_text,
)
from nps_connect.services.reports.team_figures import TeamFigures, load_team_comments, load_teams
from nps_connect.web.console.access import AnyUserPage
from nps_connect.web.console.console_page import ConsolePage
from nps_connect.web.console.problem_views import team_label

AREA = "teams"

router = APIRouter()


@dataclass(frozen=True)
class TeamView:
    """A team as a page shows it.

    Attributes:
        figures: of the team.
        label: its name for people.
        movement: whether the score moved, in words; None if it is not shown.
        score, interval: in words.
    """

    figures: TeamFigures
    label: str
    movement: MovementText | None
    score: str
    interval: str | None


@router.get("/console/teams")
def show_teams(page: AnyUserPage) -> Response:
    """List the teams in the order of the configuration; a viewer of one team sees its page."""
    if page.viewer.role == "team_viewer":
        return page.redirect(f"/console/teams/{page.viewer.team}")
    with page.ctx.ledger.read() as session:
        teams = [view_team(page, figures) for figures in load_teams(session, page.ctx.settings, page.now)]
    return page.render("teams.html.j2", area=AREA, teams=teams)


@router.get("/console/teams/{team}")
def show_team(team: str, page: AnyUserPage) -> Response:
    """Show one team; another team than the viewer's does not exist for them."""
    is_foreign = page.viewer.role == "team_viewer" and team != page.viewer.team
    if is_foreign or team not in page.ctx.settings.teams:
        return page.refuse()
    with page.ctx.ledger.read() as session:
        figures = next(item for item in load_teams(session, page.ctx.settings, page.now) if item.team == team)
        comments = load_team_comments(session, team)
    return page.render("team.html.j2", area=AREA, team=view_team(page, figures), comments=comments)


def view_team(page: ConsolePage, figures: TeamFigures) -> TeamView:
    """Return a team as a page shows it."""
    movement = None
    if figures.figure is not None:
        earlier_name = earlier_period_name(page.language, figures.earlier_period.name)
        movement = movement_text(page.language, figures.figure, figures.earlier, figures.difference, earlier_name)
    label = team_label(page.ctx.settings, figures.team, page.language)
    score = format_score(figures.figure.score if figures.figure else None)
    interval = interval_text(page.language, figures.figure) if figures.figure and not figures.figure.too_small else None
    return TeamView(figures, label, movement, score, interval)
