"""Check triggers: their events exist and are received, and their surveys are defined."""

from __future__ import annotations

from nps_connect.app.checks.connections import event_modes
from nps_connect.app.checks.context import CheckContext
from nps_connect.records.connectors import ConnectorInfo
from nps_connect.rules.filters import FilterError, compile_filter
from nps_connect.settings.key_paths import KeyPath, nearest
from nps_connect.settings.model import Trigger
from nps_connect.settings.triggers import SCHEDULE_EVENT_KIND


def check_triggers(context: CheckContext) -> None:
    """Check every trigger against its connection and its survey."""
    labels: dict[str, int] = {}
    for index, trigger in enumerate(context.settings.triggers):
        key_path: KeyPath = ("triggers", index)
        check_trigger_names(context, index, trigger)
        languages = context.settings.core.languages
        if trigger.language is not None and trigger.language not in languages:
            context.add_mistake(
                (*key_path, "language"), f"{trigger.language!r} is not one of core.languages", allowed=languages
            )
        if trigger.label in labels:
            context.add_mistake(
                key_path,
                f"has the same name as triggers.{labels[trigger.label] + 1}, {trigger.label!r}",
                fix="give each trigger its own name",
            )
        labels.setdefault(trigger.label, index)


def check_trigger_names(context: CheckContext, index: int, trigger: Trigger) -> None:
    """Check that survey, connection and event of a trigger exist, and its filter."""
    key_path: KeyPath = ("triggers", index)
    context.survey(trigger.survey, (*key_path, "survey"))
    info = context.connection(
        trigger.source,
        (*key_path, "from"),
        is_supported=lambda info: bool(info.events),
        problem_text="sends no events",
    )
    if info is not None:
        _check_events_enabled(context, trigger, key_path, info)
        _check_event_kind(context, trigger, key_path, info)


def _check_events_enabled(context: CheckContext, trigger: Trigger, key_path: KeyPath, info: ConnectorInfo) -> None:
    parsed = context.parsed.get(trigger.source)
    if parsed is not None and parsed.events == "none":
        context.add_mistake(
            (*key_path, "from"),
            f'connection {trigger.source!r} has events = "none", so nothing would ever arrive',
            fix=f"set connections.{trigger.source}.events to {' or '.join(event_modes(info))}",
        )


def _check_event_kind(context: CheckContext, trigger: Trigger, key_path: KeyPath, info: ConnectorInfo) -> None:
    if trigger.on == SCHEDULE_EVENT_KIND:
        return  # `check_schedules` says what to do
    event_kinds = context.event_kinds(trigger.source, info)
    event_kind = next((kind for kind in event_kinds if kind.name == trigger.on), None)
    if event_kind is None:
        if trigger.source not in context.parsed and info.events_for is not None:
            return  # its own mistakes come first
        names = [kind.name for kind in event_kinds]
        context.add_mistake(
            (*key_path, "on"),
            f"{_source(trigger.source, info)} sends no event {trigger.on!r}",
            allowed=names,
            nearest=nearest(trigger.on, names),
        )
    elif trigger.where is not None:
        try:
            compile_filter(trigger.where, event_kind.fields, open_fields=event_kind.open_fields)
        except FilterError as error:
            context.add_mistake((*key_path, "where"), str(error), shown=error.render_excerpt(trigger.where))


def _source(connection: str, info: ConnectorInfo) -> str:
    return f"plugin {info.name!r}" if info.events_for is None else f"connection {connection!r}"
