"""Check expectations: what they name exists."""

from __future__ import annotations

from nps_connect.app.checks.context import CheckContext
from nps_connect.rules.filters import PERSON_FIELDS
from nps_connect.settings.expectations import NO_SURVEY, Expectation
from nps_connect.settings.key_paths import KeyPath, nearest


def check_expectations(context: CheckContext) -> None:
    """Check that the event, survey and connections of every ``[[expect]]`` exist."""
    for index, expectation in enumerate(context.settings.expect):
        key_path: KeyPath = ("expect", index)
        if expectation.survey != NO_SURVEY:
            context.survey(expectation.survey, (*key_path, "survey"))
        _check_event(context, expectation, key_path)
        for number, action in enumerate(expectation.actions):
            context.connection(
                action.rpartition(" ")[2],
                (*key_path, "actions", number),
                is_supported=lambda _info: True,
                problem_text="cannot be used",
            )


def _check_event(context: CheckContext, expectation: Expectation, key_path: KeyPath) -> None:
    if expectation.on is None or expectation.source is None:
        return
    info = context.connection(
        expectation.source,
        (*key_path, "from"),
        is_supported=lambda info: bool(info.events),
        problem_text="sends no events",
    )
    if info is None:
        return
    event_kinds = context.event_kinds(expectation.source, info)
    kind = next((kind for kind in event_kinds if kind.name == expectation.on), None)
    if kind is None:
        names = [kind.name for kind in event_kinds]
        context.add_mistake(
            (*key_path, "on"),
            f"plugin {info.name!r} sends no event {expectation.on!r}",
            allowed=names,
            nearest=nearest(expectation.on, names),
        )
        return
    field_names = sorted({**kind.fields, **PERSON_FIELDS})
    for name in expectation.fields:
        if name not in field_names and not kind.open_fields:
            context.add_mistake(
                (*key_path, "fields", name),
                f"event {kind.name!r} has no such field",
                allowed=field_names,
                nearest=nearest(name, field_names),
            )
