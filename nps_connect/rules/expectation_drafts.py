"""Draft ``[[expect]]`` tables from what a configuration does now, for the operator to review."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from nps_connect.records.base import FieldValue
from nps_connect.records.responses import Response
from nps_connect.rules.filter_examples import TooManyCombinations, find_field_values
from nps_connect.rules.filters import PERSON_FIELDS, Filter
from nps_connect.rules.routing import plan_actions
from nps_connect.settings.expectations import NO_SURVEY
from nps_connect.settings.model import Settings, Trigger

DRAFT_SCORES = (3, 8, 10)
"""One score of each segment."""

HEADING = """\
# What must follow from an event and a response; nps-connect doctor prove compares the triggers and routes with it.
# Drafted from the configuration: correct what is not meant.
"""


def draft_expectations(settings: Settings, filters: Mapping[str, Filter]) -> str:
    """Return ``[[expect]]`` tables as TOML text: for each trigger an event that fires it and one that does not.

    And for each survey, what a response of each segment leads to. Filters that cannot be solved are left out.

    Args:
        settings: the configuration.
        filters: compiled filters by trigger label.
    """
    tables = [table for trigger in settings.triggers for table in _draft_events(trigger, filters.get(trigger.label))]
    tables += [table for survey in settings.surveys for table in _draft_responses(settings, survey)]
    return "\n".join([HEADING, *tables]) if tables else ""


def _draft_events(trigger: Trigger, compiled: Filter | None) -> Iterator[str]:
    """Yield an event that the trigger accepts, and one that its filter refuses."""
    event = [f'on = "{trigger.on}"', f'from = "{trigger.source}"']
    if compiled is None:
        yield _table([*event, f'survey = "{trigger.survey}"'])
        return
    if compiled.person_fields & PERSON_FIELDS.keys():
        return
    try:
        accepted, refused = find_field_values(compiled), find_field_values(None, refusing=[compiled])
    except TooManyCombinations:
        return
    if accepted is not None:
        yield _table([*event, *_fields(accepted), f'survey = "{trigger.survey}"'])
    if refused is not None:
        yield _table([*event, *_fields(refused), f'survey = "{NO_SURVEY}"'])


def _draft_responses(settings: Settings, survey: str) -> Iterator[str]:
    for score in DRAFT_SCORES:
        response = Response(
            id="draft",
            revision=1,
            survey=survey,
            touchpoint=settings.surveys[survey].touchpoint or survey,
            score=score,
            language=settings.core.language,
            answered_at=datetime(2026, 1, 1, tzinfo=UTC),
        )
        planned = plan_actions(settings.routes, response=response, grace_periods={})
        actions = ", ".join(f'"{action.action} via {action.via}"' for action in planned)
        yield _table([f'survey = "{survey}"', f"score = {score}", f"actions = [{actions}]"])


def _fields(values: Mapping[str, FieldValue]) -> list[str]:
    """Return the line of the fields; missing ones are left out."""
    pairs = [
        f"{_key(name)} = {json.dumps(value, ensure_ascii=False)}" for name, value in values.items() if value is not None
    ]
    return [f"fields = {{ {', '.join(pairs)} }}"] if pairs else []


def _key(name: str) -> str:
    """Return a name as a key of TOML; with a dot it must be quoted."""
    return name if name.replace("_", "").replace("-", "").isalnum() and name.isascii() else json.dumps(name)


def _table(lines: Sequence[str]) -> str:
    return "\n".join(["[[expect]]", *lines, ""])
