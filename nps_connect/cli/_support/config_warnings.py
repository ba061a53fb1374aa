"""What is right in a configuration, but worth knowing before it goes live."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nps_connect.cli._support.options import CheckedConfig
from nps_connect.records.filters import nearest_name
from nps_connect.settings.key_paths import KeyPath, format_key_path
from nps_connect.settings.load_settings import environment_path
from nps_connect.settings.references import ReferencedText

EXAMPLE_DOMAIN = "example.com"


def config_warnings(checked: CheckedConfig, path: Path) -> list[str]:
    """One sentence for each thing worth knowing.

    Args:
        checked: the configuration.
        path: its file.
    """
    return [
        *_core(checked),
        *_readable(environment_path(path)),
        *_placeholders(checked),
        *_unused(checked),
        *_selective(checked),
        *_filters(checked),
        *_broken(checked),
    ]


def _readable(secrets: Path) -> Iterator[str]:
    if os.name == "posix" and secrets.exists() and secrets.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        yield f"{secrets} can be read by others than its owner; run: chmod 600 {secrets}"


def _core(checked: CheckedConfig) -> Iterator[str]:
    core = checked.settings.core
    if core.mode == "shadow":
        yield 'mode = "shadow": decisions are recorded, nothing is sent; set mode = "live" when they look right'
    if core.recipient_allow_list:
        yield f"customer mail goes only to: {', '.join(core.recipient_allow_list)}"
    if not core.postal_address:
        yield "core.postal_address is not given: many countries want one at the foot of such mails"
    if not checked.settings.triggers:
        yield "there is no trigger, so no event leads to a survey"
    for key, value in (
        ("public_url", core.public_url.host or ""),
        ("fallback_email", core.fallback_email),
        ("privacy_notice_url", core.privacy_notice_url.host or ""),
    ):
        if value.endswith(EXAMPLE_DOMAIN):
            yield f"core.{key} is still the example's"


def _placeholders(checked: CheckedConfig) -> Iterator[str]:
    for name, table in checked.settings.connections.items():
        info = checked.plugins.infos.get(str(table["plugin"]))
        placeholders = set(info.example.environment.values()) if info else set()
        for at, value in _leaves(table, ("connections", name)):
            if isinstance(value, ReferencedText) and value in placeholders:
                yield f"{format_key_path(at)} is still the example's; give it in the {value.origin}"


def _leaves(value: Any, at: KeyPath) -> Iterator[tuple[KeyPath, Any]]:  # noqa: ANN401  # a tree of anything
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, (*at, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves(item, (*at, index))
    else:
        yield at, value


def _unused(checked: CheckedConfig) -> Iterator[str]:
    settings = checked.settings
    used = {survey.channel for survey in settings.surveys.values()}
    used |= {trigger.source for trigger in settings.triggers} | {route.via for route in settings.routes}
    for name, connection in checked.connections.items():
        if name not in used and connection.events == "none":
            yield f"connection {name!r} is used by no survey, trigger or route"


def _selective(checked: CheckedConfig) -> Iterator[str]:
    for number, route in enumerate(checked.settings.routes, start=1):
        if route.accept_selective_invitation:
            yield (
                f"routes.{number} asks only some customers for a review, because: {route.accept_selective_invitation}"
            )


def _filters(checked: CheckedConfig) -> Iterator[str]:
    """Fields that a vendor may have are no mistake, but look like a slip; so do dates that are compared as texts."""
    from nps_connect.rules.filters import PERSON_FIELDS, compile_filter

    for number, trigger in enumerate(checked.settings.triggers, start=1):
        info = checked.plugins.infos[checked.connections[trigger.source].plugin]
        kind = next(one for one in info.events if one.name == trigger.on)
        if trigger.where is None:
            continue
        asked = compile_filter(trigger.where, kind.fields, open_fields=kind.open_fields)
        known = [*kind.fields, *PERSON_FIELDS]
        for name in sorted(asked.names - kind.fields.keys()):
            near = nearest_name(name, known)
            if near is not None:
                yield (
                    f"triggers.{number}.where: {name!r} is not among the fields that every {trigger.on} has; "
                    f"did you mean {near!r}? If it is a field of your own: connections check {trigger.source}"
                )
        for name in sorted(asked.date_like_fields):
            yield (
                f"triggers.{number}.where: {name!r} is compared with a date as a text, letter by letter; "
                'write a moment, such as d"2026-01-31T00:00:00+01:00"'
            )


def _broken(checked: CheckedConfig) -> Iterator[str]:
    for error in checked.plugins.broken.values():
        yield str(error)
