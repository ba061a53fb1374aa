"""Findings on a valid configuration, to read before going live."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from nps_connect.app.checks.live_mode import find_example_values
from nps_connect.cli._support.options import CheckedConfig
from nps_connect.records.base import is_loopback
from nps_connect.records.filters import nearest_name
from nps_connect.records.findings import Finding
from nps_connect.redaction import iter_secrets, secret_parts
from nps_connect.settings.key_paths import format_key_path
from nps_connect.settings.load_settings import environment_path

MIN_SECRET_LENGTH = 8
MIN_LETTERS = 16
"""A secret of letters only that is shorter may be a word; application passwords of mail providers have 16 letters."""


def config_findings(checked: CheckedConfig, path: Path) -> list[Finding]:
    """Return what a valid configuration leaves open or restricts.

    Args:
        checked: the configuration.
        path: the configuration file.
    """
    return [
        *_check_core(checked),
        *_check_file_mode(environment_path(path)),
        *_check_example_values(checked),
        *_check_secrets(checked),
        *_check_unused(checked),
        *_check_selective_reviews(checked),
        *_check_filters(checked),
        *(
            _warn("plugin-broken", str(error), "update, install or remove the plugin")
            for error in checked.plugins.broken.values()
        ),
        *_check_plugins(checked),
    ]


def _check_plugins(checked: CheckedConfig) -> Iterator[Finding]:
    """Yield what the plugins of the connections lack or should change."""
    used = {str(table.get("plugin")) for table in checked.settings.connections.values()}
    for name in sorted(used & checked.plugins.remarks.keys()):
        for remark in checked.plugins.remarks[name]:
            yield _warn("plugin-incomplete", f"plugin {name!r}: {remark}", "update the plugin, or ask its author")


def _warn(kind: str, text: str, fix: str) -> Finding:
    return Finding(id=kind, severity="warning", text=text, fix=fix)


def _error(kind: str, text: str, fix: str) -> Finding:
    return Finding(id=kind, severity="error", text=text, fix=fix)


def _check_file_mode(secrets: Path) -> Iterator[Finding]:
    if os.name == "posix" and secrets.exists() and secrets.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        yield _warn("file-readable", f"{secrets} is readable by other users", f"chmod 600 {secrets}")


def _check_core(checked: CheckedConfig) -> Iterator[Finding]:
    core = checked.settings.core
    if core.mode == "shadow":
        text, fix = 'mode = "shadow": decisions are recorded, nothing is sent', 'set mode = "live" to start sending'
        yield Finding(id="shadow-mode", severity="ok", text=text, fix=fix)
    if core.recipient_allow_list:
        text = f"recipient_allow_list is set: customer mail goes only to {', '.join(core.recipient_allow_list)}"
        yield _warn("recipients-limited", text, "remove core.recipient_allow_list to reach every customer")
    if not core.postal_address:
        text = "core.postal_address is not set: many countries require one in such mails"
        yield _warn("postal-address", text, "set core.postal_address")
    if core.state_dir is None:
        text = "core.state_dir is not set: a restore of the database is not noticed"
        yield Finding(id="restored", severity="ok", text=text, fix="run by hand after it: nps-connect db restored")
    if not checked.settings.all_triggers:
        yield _warn("trigger-missing", "no trigger is configured, so no event leads to a survey", "add [[triggers]]")


def _check_example_values(checked: CheckedConfig) -> Iterator[Finding]:
    if is_loopback(checked.settings.core.public_url.host or ""):  # with a sandbox nothing reaches anybody
        return
    for example in find_example_values(checked.settings, checked.plugins):
        text = f"{format_key_path(example.key_path)} still has its example value"
        yield _error("example-value", text, example.fix)


def _check_secrets(checked: CheckedConfig) -> Iterator[Finding]:
    """Warn about secrets that may be ordinary words: too short, or a few letters only."""
    examples = {example.key_path for example in find_example_values(checked.settings, checked.plugins)}
    for name, settings in checked.connections.items():
        for key in type(settings).model_fields:
            secrets = iter_secrets(getattr(settings, key))
            if ("connections", name, key) not in examples and any(
                _is_weak(part) for secret in secrets for part in secret_parts(secret)
            ):
                text = f"{format_key_path(('connections', name, key))} is too weak, or is not the vendor's secret"
                yield _warn("secret-weak", text, f"set one of {MIN_SECRET_LENGTH} or more characters, not only letters")


def _is_weak(secret: str) -> bool:
    return 0 < len(secret) < MIN_SECRET_LENGTH or (secret.isalpha() and len(secret) < MIN_LETTERS)


def _check_unused(checked: CheckedConfig) -> Iterator[Finding]:
    settings = checked.settings
    used = {survey.channel for survey in settings.surveys.values()}
    used |= {trigger.source for trigger in settings.all_triggers} | {route.via for route in settings.routes}
    for name, connection in checked.connections.items():
        subscribe = checked.plugins.infos[connection.plugin].webhook_subscription
        is_receiver = subscribe is not None and subscribe(connection) is not None
        if name not in used and connection.events == "none" and not is_receiver:
            text = f"connection {name!r} is used by no survey, trigger or route"
            yield _warn(
                "connection-unused", text, f"remove [connections.{name}], or name it in a survey, trigger or route"
            )


def _check_selective_reviews(checked: CheckedConfig) -> Iterator[Finding]:
    for number, route in enumerate(checked.settings.routes, start=1):
        if route.accept_selective_invitation:
            reason = route.accept_selective_invitation
            text = f"routes.{number} asks only some customers for a review; stated reason: {reason}"
            fix = 'invite the others too, with lead = "help", and remove accept_selective_invitation'
            yield _warn("review-policy", text, fix)


def _check_filters(checked: CheckedConfig) -> Iterator[Finding]:
    """Warn about undeclared fields that resemble a declared one, and about dates compared as texts."""
    from nps_connect.rules.filters import PERSON_FIELDS, compile_filter

    for number, trigger in enumerate(checked.settings.triggers, start=1):
        connection = checked.connections[trigger.source]
        event_kinds = checked.plugins.infos[connection.plugin].event_kinds(connection)
        event_kind = next(event for event in event_kinds if event.name == trigger.on)
        if trigger.where is None:
            continue
        compiled = compile_filter(trigger.where, event_kind.fields, open_fields=event_kind.open_fields)
        declared_names = [*event_kind.fields, *PERSON_FIELDS]
        for name in sorted(compiled.names - event_kind.fields.keys()):
            near = nearest_name(name, declared_names)
            if near is not None:
                where = f"triggers.{number}.where"
                text = f"{where}: {name!r} is not a standard field of {trigger.on}; did you mean {near!r}?"
                fix = f"if it is a custom field, verify it with: nps-connect connections check {trigger.source}"
                yield _warn("filter-field", text, fix)
        for name in sorted(compiled.date_like_fields):
            text = f"triggers.{number}.where: {name!r} is compared with a date as text"
            yield _warn("filter-field", text, 'use a date literal such as d"2026-01-31T00:00:00+01:00"')
