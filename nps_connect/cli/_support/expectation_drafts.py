"""Draft ``[[expect]]`` tables for an initial configuration: what its triggers and routes do, for review. Pure."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Sequence
from typing import Any

SCORES = (9, 7, 3)
"""A promoter's, a passive's and a detractor's score."""

HEADING = """\
# What must follow from an event or a response, for you to review; it is compared with the triggers and routes by:
# nps-connect doctor prove
"""
_LIMIT = re.compile(r"(\w+) >= (\d+)")


def draft_expectations(text: str, survey: str) -> str:
    """Return the tables for a configuration; empty without triggers and routes.

    Args:
        text: the configuration.
        survey: name of its survey.
    """
    table = tomllib.loads(text)
    drafts = [*_draft_events(table.get("triggers", ())), *_draft_responses(table.get("routes", ()), survey)]
    return "\n".join([HEADING + drafts[0], *drafts[1:]]) if drafts else ""


def _draft_events(triggers: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield the events that lead to a survey, and those just below the limit of a filter; skip other filters."""
    for trigger in triggers:
        event = f"[[expect]]\non = {json.dumps(trigger['on'])}\nfrom = {json.dumps(trigger['from'])}\n"
        survey = f"survey = {json.dumps(trigger['survey'])}\n"
        if "where" not in trigger:
            yield event + survey
        elif limit := _LIMIT.fullmatch(trigger["where"]):
            name, value = limit[1], int(limit[2])
            yield f"{event}fields = {{ {name} = {value} }}\n{survey}"
            yield f'{event}fields = {{ {name} = {value - 1} }}\nsurvey = "none"\n'


def _draft_responses(routes: Sequence[dict[str, Any]], survey: str) -> Iterator[str]:
    """Yield what responses of each segment lead to."""
    from nps_connect.settings.model import Route

    parsed = [Route.model_validate(route) for route in routes]
    for score in SCORES:
        actions = dict.fromkeys(f"{route.do} via {route.via}" for route in parsed if score in route.accepted_scores)
        if actions:
            listed = ", ".join(json.dumps(action) for action in actions)
            yield f"[[expect]]\nsurvey = {json.dumps(survey)}\nscore = {score}\nactions = [{listed}]\n"
