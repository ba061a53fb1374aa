"""Triggers: the event can happen, reaches us, and leads to a survey that exists."""

from __future__ import annotations

from nps_connect.app.checks.connections import event_modes
from nps_connect.app.checks.context import CheckContext
from nps_connect.records.connectors import ConnectorInfo
from nps_connect.rules.filters import FilterError, compile_filter
from nps_connect.settings.key_paths import KeyPath, nearest
from nps_connect.settings.model import Trigger


def check_triggers(subject: CheckContext) -> None:
    """Check every trigger against its connection and its survey."""
    labels: dict[str, int] = {}
    for index, trigger in enumerate(subject.settings.triggers):
        at: KeyPath = ("triggers", index)
        subject.survey(trigger.survey, (*at, "survey"))
        info = subject.connection(
            trigger.source, (*at, "from"), is_supported=lambda info: bool(info.events), problem_text="gives no events"
        )
        if info is not None:
            _check_events_enabled(subject, trigger, at, info)
            _check_event_kind(subject, trigger, at, info)
        languages = subject.settings.core.languages
        if trigger.language is not None and trigger.language not in languages:
            subject.add_mistake(
                (*at, "language"), f"{trigger.language!r} is not one of core.languages", allowed=languages
            )
        if trigger.label in labels:
            subject.add_mistake(
                at,
                f"has the same name as triggers.{labels[trigger.label] + 1}, {trigger.label!r}",
                fix="give each a name of its own",
            )
        labels.setdefault(trigger.label, index)


def _check_events_enabled(subject: CheckContext, trigger: Trigger, at: KeyPath, info: ConnectorInfo) -> None:
    parsed = subject.parsed.get(trigger.source)
    if parsed is not None and parsed.events == "none":
        subject.add_mistake(
            (*at, "from"),
            f'connection {trigger.source!r} has events = "none", so nothing would ever arrive',
            fix=f"set connections.{trigger.source}.events to {' or '.join(event_modes(info))}",
        )


def _check_event_kind(subject: CheckContext, trigger: Trigger, at: KeyPath, info: ConnectorInfo) -> None:
    kind = next((known for known in info.events if known.name == trigger.on), None)
    if kind is None:
        known = [event.name for event in info.events]
        subject.add_mistake(
            (*at, "on"),
            f"plugin {info.name!r} gives no event {trigger.on!r}",
            allowed=known,
            nearest=nearest(trigger.on, known),
        )
    elif trigger.where is not None:
        try:
            compile_filter(trigger.where, kind.fields, open_fields=kind.open_fields)
        except FilterError as error:
            subject.add_mistake((*at, "where"), str(error), shown=error.render_excerpt(trigger.where))
