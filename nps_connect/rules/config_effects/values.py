"""Effects of changed values outside of triggers and routes: effective values are compared, so spelling is ignored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from nps_connect.redaction import HIDDEN
from nps_connect.rules.config_effects.effect import Effect
from nps_connect.settings.effective import iter_values
from nps_connect.settings.key_paths import KeyPath, format_key_path

COMPARED_BY_BEHAVIOUR = ("triggers", "routes")
SCHEDULE_KEYS = ("every", "population")
"""Keys of surveys that `config_effects.schedules` compares."""

SENTENCES = {
    "core.languages": "customers are addressed in {new} instead of {old}",
    "core.public_url": "links in mails begin with {new} instead of {old}",
    "core.timezone": "days and quiet hours are those of {new} instead of {old}",
    "core.recipient_allow_list": "customer mail goes only to {new} instead of {old}",
    "core.fallback_email": "failed tickets and alerts about detractors go by mail to {new} instead of {old}",
    "limits.cooldown": "a contact gets at most one survey in {new} instead of {old}",
    "limits.surveys_per_day": "at most {new} surveys are sent on a day instead of {old}",
    "limits.quiet_hours": "no invitation or reminder is sent at {new} instead of {old}",
    "limits.quiet_days": "no invitation or reminder is sent on {new} instead of {old}",
    "limits.max_event_age": "events older than {new} instead of {old} lead to no survey",
    "limits.when_blocked": "a survey that the cooldown blocks leads to {new} instead of {old}",
    "limits.unusual": "a trigger is held for approval at {new} contacts instead of {old}",
    "recovery.survey": "a solved case leads to the recovery survey {new} instead of {old}",
    "recovery.delay": "the recovery survey follows a solved case after {new} instead of {old}",
    "reviews.cooldown": "a contact is asked for at most one review in {new} instead of {old}",
}
"""By key; every other one is named itself."""

MODES = {
    "live": "mails, tickets and scores are sent for real (mode live)",
    "shadow": "nothing is sent any more: decisions are only recorded (mode shadow)",
}


def find_value_effects(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Effect]:
    """Yield the differences of two trees of effective values, without those of triggers and routes."""
    before, after = _values(old), _values(new)
    for area in ("surveys", "connections"):
        noun: Literal["survey", "connection"] = "survey" if area == "surveys" else "connection"
        for name in [*old[area], *(name for name in new[area] if name not in old[area])]:
            if name not in new[area]:
                yield Effect(noun, f"{noun} {name} is gone")
            elif name not in old[area]:
                yield Effect(noun, f"{noun} {name} is new")
    gone = {path[:2] for path in (*before, *after) if path[0] in ("surveys", "connections")}
    gone = {path for path in gone if path[1] not in old[str(path[0])] or path[1] not in new[str(path[0])]}
    for path in dict.fromkeys([*before, *after]):
        if path[:2] not in gone and before.get(path) != after.get(path):
            yield _describe(path, before.get(path), after.get(path))


def _values(tree: Mapping[str, Any]) -> dict[KeyPath, Any]:
    return {
        path: value
        for path, value in iter_values(tree)
        if path[0] not in COMPARED_BY_BEHAVIOUR and not (path[0] == "surveys" and path[2] in SCHEDULE_KEYS)
    }


def _describe(path: KeyPath, old: Any, new: Any) -> Effect:  # noqa: ANN401  # JSON data
    key = format_key_path(path)
    if key == "core.mode":
        return Effect("setting", MODES[new])
    if key in SENTENCES:
        return Effect("setting", SENTENCES[key].format(new=_show(new), old=_show(old)))
    areas: dict[str | int, Literal["survey", "connection"]] = {"surveys": "survey", "connections": "connection"}
    if path[0] in areas:
        area = areas[path[0]]
        return Effect(area, f"{area} {format_key_path(path[1:2])}: {format_key_path(path[2:])} {_difference(old, new)}")
    return Effect("setting", f"{key} {_difference(old, new)}")


def _difference(old: Any, new: Any) -> str:  # noqa: ANN401
    if HIDDEN in _show(new) and _show(old) == _show(new):
        return "is another secret"
    return f"is {_show(new)} instead of {_show(old)}"


def _show(value: Any) -> str:  # noqa: ANN401
    if value is None or value in ([], {}):
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ", ".join(map(_show, value))
    return str(value)
