"""The facts by which those concerned can be told from the others, with the values that responses have."""

from __future__ import annotations

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger.response_dimensions import ResponseDimensionRow
from nps_connect.rules.staff_privacy import SMALL_TEAM_MEMBERS
from nps_connect.services.problems.concerned import OWNER_DIMENSION
from nps_connect.settings.model import Settings

MAX_VALUES = 200


def list_facts(session: Session, settings: Settings) -> dict[str, list[str]]:
    """Return the values of each fact that a problem can concern; facts without a choice are left out."""
    touchpoints = {survey.touchpoint or name for name, survey in settings.surveys.items()}
    facts = {"survey": list(settings.surveys), "touchpoint": sorted(touchpoints)}
    facts["team"] = [name for name, team in settings.teams.items() if len(team.members) >= SMALL_TEAM_MEMBERS]
    for name in settings.core.dimensions:
        if name != OWNER_DIMENSION:
            is_named = col(ResponseDimensionRow.name) == name
            query = select(col(ResponseDimensionRow.value)).where(is_named).distinct()
            facts[f"d.{name}"] = sorted(session.execute(query.limit(MAX_VALUES)).scalars())
    return {name: values for name, values in facts.items() if len(values) > (name in ("survey", "touchpoint"))}
