"""Warnings about a valid configuration, to read before going live."""

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
from nps_connect.settings.origins import ReferencedText

EXAMPLE_DOMAIN = "example.com"


def config_warnings(checked: CheckedConfig, path: Path) -> list[str]:
    """Return one sentence per warning.

    Args:
        checked: the configuration.
        path: the configuration file.
    """
    return [
        *_check_core(checked),
        *_check_file_mode(environment_path(path)),
        *_check_placeholders(checked),
        *_check_unused(checked),
        *_check_selective_reviews(checked),
        *_check_filters(checked),
        *map(str, checked.plugins.broken.values()),
    ]


def _check_file_mode(secrets: Path) -> Iterator[str]:
    if os.name == "posix" and secrets.exists() and secrets.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        yield f"{secrets} is readable by other users; run: chmod 600 {secrets}"


def _check_core(checked: CheckedConfig) -> Iterator[str]:
    core = checked.settings.core
    if core.mode == "shadow":
        yield 'mode = "shadow": decisions are recorded, nothing is sent; set mode = "live" to start sending'
    if core.recipient_allow_list:
        yield f"recipient_allow_list is set: customer mail goes only to {', '.join(core.recipient_allow_list)}"
    if not core.postal_address:
        yield "core.postal_address is not set: many countries require one in such mails"
    if core.state_dir is None:
        yield "core.state_dir is not set: a restore is not noticed; run by hand after it: nps-connect db restored"
    if not checked.settings.triggers:
        yield "no trigger is configured, so no event leads to a survey"
    for key, value in (
        ("public_url", core.public_url.host or ""),
        ("fallback_email", core.fallback_email),
        ("privacy_notice_url", core.privacy_notice_url.host or ""),
    ):
        if value.endswith(EXAMPLE_DOMAIN):
            yield f"core.{key} still has its example value"


def _check_placeholders(checked: CheckedConfig) -> Iterator[str]:
    for name, table in checked.settings.connections.items():
        info = checked.plugins.infos.get(str(table["plugin"]))
        placeholders = set(info.example.environment.values()) if info else set()
        for at, value in _leaves(table, ("connections", name)):
            if isinstance(value, ReferencedText) and value in placeholders:
                yield f"{format_key_path(at)} still has its example value; set it in the {value.origin}"


def _leaves(value: Any, at: KeyPath) -> Iterator[tuple[KeyPath, Any]]:  # noqa: ANN401  # a tree of anything
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, (*at, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves(item, (*at, index))
    else:
        yield at, value


def _check_unused(checked: CheckedConfig) -> Iterator[str]:
    settings = checked.settings
    used = {survey.channel for survey in settings.surveys.values()}
    used |= {trigger.source for trigger in settings.triggers} | {route.via for route in settings.routes}
    for name, connection in checked.connections.items():
        if name not in used and connection.events == "none":
            yield f"connection {name!r} is used by no survey, trigger or route"


def _check_selective_reviews(checked: CheckedConfig) -> Iterator[str]:
    for number, route in enumerate(checked.settings.routes, start=1):
        if route.accept_selective_invitation:
            reason = route.accept_selective_invitation
            yield f"routes.{number} asks only some customers for a review; stated reason: {reason}"


def _check_filters(checked: CheckedConfig) -> Iterator[str]:
    """Warn about undeclared fields that resemble a declared one, and about dates compared as texts."""
    from nps_connect.rules.filters import PERSON_FIELDS, compile_filter

    for number, trigger in enumerate(checked.settings.triggers, start=1):
        info = checked.plugins.infos[checked.connections[trigger.source].plugin]
        event_kind = next(event for event in info.events if event.name == trigger.on)
        if trigger.where is None:
            continue
        compiled = compile_filter(trigger.where, event_kind.fields, open_fields=event_kind.open_fields)
        declared_names = [*event_kind.fields, *PERSON_FIELDS]
        for name in sorted(compiled.names - event_kind.fields.keys()):
            near = nearest_name(name, declared_names)
            if near is not None:
                yield (
                    f"triggers.{number}.where: {name!r} is not a standard field of {trigger.on}; "
                    f"did you mean {near!r}? If it is a custom field, "
                    f"verify it with: nps-connect connections check {trigger.source}"
                )
        for name in sorted(compiled.date_like_fields):
            yield (
                f"triggers.{number}.where: {name!r} is compared with a date as text; "
                'use a date literal such as d"2026-01-31T00:00:00+01:00"'
            )
