"""Whom a problem concerns: facts that are known before the answer, and never a single member of staff."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, and_, true

from nps_connect.rules.staff_privacy import SMALL_TEAM_MEMBERS
from nps_connect.services.problems.refusals import ProblemRefused
from nps_connect.services.reports.filters import FilterQueryError, ResponseFilter
from nps_connect.settings.model import Settings

OWNER_DIMENSION = "owner"
_PREFIX = "d."
_PLAIN_FACTS = ("survey", "touchpoint", "team")


def check_concerned(settings: Settings, facts: Mapping[str, str], *, needs_group: bool) -> dict[str, str]:
    """Return the facts that say whom a problem concerns, without empty ones.

    Args:
        settings: the configuration, which names dimensions and teams.
        facts: parameters of a `ResponseFilter`.
        needs_group: the score of those concerned is compared with the others: there must be others.

    Raises:
        ProblemRefused: a fact is unknown, is part of the answer, or points at a member of staff.
    """
    stated = {name: value.strip() for name, value in facts.items() if value.strip()}
    for name, value in stated.items():
        dimension = name.removeprefix(_PREFIX)
        if name not in _PLAIN_FACTS and (not name.startswith(_PREFIX) or dimension not in settings.core.dimensions):
            raise ProblemRefused("unknown_fact", fact=name)
        if name == "team" and value not in settings.teams:
            raise ProblemRefused("unknown_team", team=value)
        is_small_team = name == "team" and len(settings.teams[value].members) < SMALL_TEAM_MEMBERS
        if dimension == OWNER_DIMENSION or is_small_team:
            raise ProblemRefused("staff")
    if needs_group and not stated.keys() - {"survey"}:
        raise ProblemRefused("everybody")
    try:
        ResponseFilter.from_query(stated, settings.core.zone)
    except FilterQueryError as error:
        raise ProblemRefused("invalid_fact", detail=str(error)) from None
    return stated


def group_conditions(settings: Settings, concerned: Mapping[str, str]) -> tuple[list[Any], ColumnElement[bool]]:
    """Return the conditions on all who are compared (the survey), and the condition that a response is concerned."""
    survey = {name: value for name, value in concerned.items() if name == "survey"}
    facts = {name: value for name, value in concerned.items() if name != "survey"}
    zone = settings.core.zone
    compared = ResponseFilter.from_query(survey, zone).conditions()
    is_concerned = and_(true(), *ResponseFilter.from_query(facts, zone).group_conditions())
    return compared, is_concerned
