"""Check dimensions and teams: their filters can be evaluated, and their owners are known."""

from __future__ import annotations

from nps_connect.app.checks.context import CheckContext
from nps_connect.rules.dimensions import OWNER, compile_team_filter
from nps_connect.rules.filters import FilterError


def check_teams(context: CheckContext) -> None:
    """Check every team against the dimensions."""
    dimensions = context.settings.core.dimensions
    for name, team in context.settings.teams.items():
        if team.where is not None:
            try:
                compile_team_filter(team.where, dimensions)
            except FilterError as error:
                context.add_mistake(("teams", name, "where"), str(error), shown=error.render_excerpt(team.where))
        if team.owners and OWNER not in dimensions:
            problem = "has no effect: responses keep no owner"
            fix = 'name the field that holds the owner: [core] dimensions.owner = "FIELD"'
            context.add_mistake(("teams", name, "owners"), problem, fix=fix)
