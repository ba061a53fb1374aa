"""Compare what a plugin declares with the hooks that it implements. Pure."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from nps_connect.app.actions import ACTIONS
from nps_connect.hookspecs.declarations import HOOKS_BY_CAPABILITY, capabilities
from nps_connect.records.connectors import ConnectorInfo


def declaration_problems(info: ConnectorInfo, hooks: Collection[str]) -> list[str]:
    """Return what is declared but not implemented, and the reverse, one sentence each."""
    return [*_action_problems(info, hooks), *_capability_problems(info, hooks)]


def _action_problems(info: ConnectorInfo, hooks: Collection[str]) -> Iterator[str]:
    declared = {action.action for action in info.actions}
    for action in info.actions:
        spec = ACTIONS[action.action]
        is_for_platform = spec.is_message and info.review_policy is not None  # another connection sends the message
        expected = (spec.hook, "nps_review_destination") if is_for_platform else (spec.hook,)
        if not set(expected) & set(hooks):
            yield f"declares the action {action.action!r}, but has no {' or '.join(expected)}"
    for spec in ACTIONS.values():
        if spec.hook in hooks and not spec.is_message and spec.action not in declared:
            yield f"has {spec.hook}, but does not declare the action {spec.action!r}"
    if len(declared) != len(info.actions):
        yield "declares an action twice"


def _capability_problems(info: ConnectorInfo, hooks: Collection[str]) -> Iterator[str]:
    able = capabilities(hooks)
    for capability, required in HOOKS_BY_CAPABILITY.items():
        existing = [hook for hook in required if hook in hooks]
        if existing and not able[capability]:
            missing = " and ".join(hook for hook in required if hook not in hooks)
            yield f"has {' and '.join(existing)}, but lacks {missing}"
    if info.webhook_subscription is not None and "nps_send_webhooks" not in hooks:
        yield "subscribes to webhooks, but lacks nps_send_webhooks"
    if info.records_handover and not able["channel"]:
        yield "declares records_handover=True, but carries no messages"
    if (able["webhooks"] or able["polling"]) and not info.events:
        yield "can receive events, but declares no kind of event"
    if "nps_review_destination" in hooks and info.review_policy is None:
        yield "is a review platform, but declares no review_policy"
    if info.base_url is not None and not any(quota.name == "general" for quota in info.quotas):
        yield "speaks HTTP, but declares no quota named 'general'"
    if len({quota.name for quota in info.quotas}) != len(info.quotas):
        yield "declares two quotas with one name"


def example_problems(info: ConnectorInfo) -> list[str]:
    """Return what is wrong with the example configuration, one sentence each; `environment` supplies its secrets."""
    example = info.example
    try:
        document = tomllib.loads(f"{example.table}\n{example.triggers}\n{example.routes}")
    except tomllib.TOMLDecodeError as error:
        return [f"the example configuration is not TOML: {error}"]
    table = document.get("connections", {}).get(example.connection)
    if not isinstance(table, dict):
        return [f"the example has no [connections.{example.connection}] table"]
    if table.get("plugin") != info.name:
        return [f"the example's table has plugin = {table.get('plugin')!r}, not {info.name!r}"]
    missing: set[str] = set()
    table = _resolve_references(table, example.environment, missing)
    if missing:
        return [f"the example refers to {', '.join(sorted(missing))}, which its environment does not contain"]
    try:
        info.settings.model_validate(table)
    except ValidationError as error:
        return [f"the settings model rejects the example: {error}"]
    return [
        f"the example's {kind} name another connection than {example.connection!r}"
        for kind, key in (("triggers", "from"), ("routes", "via"))
        if any(entry.get(key) != example.connection for entry in document.get(kind, []))
    ]


def _resolve_references(value: Any, environment: Mapping[str, str], missing: set[str]) -> Any:  # noqa: ANN401  # TOML
    """Return a value with its ``{ env = "NAME" }`` references resolved; names that are not found go into `missing`."""
    if isinstance(value, list):
        return [_resolve_references(inner, environment, missing) for inner in value]
    if not isinstance(value, dict):
        return value
    if set(value) != {"env"}:
        return {key: _resolve_references(inner, environment, missing) for key, inner in value.items()}
    if value["env"] not in environment:
        missing.add(value["env"])
    return environment.get(value["env"], "")
