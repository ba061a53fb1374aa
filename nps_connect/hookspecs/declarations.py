"""What follows from a plugin's declaration and its hooks together: whether it loads, and what it cannot do. Pure."""

from __future__ import annotations

import inspect
import operator
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from nps_connect import API_VERSION
from nps_connect.hookspecs.validation import hook_functions
from nps_connect.records.actions import Action
from nps_connect.records.connectors import ConnectorInfo

MESSAGE_HOOK = "nps_send_messages"
REVIEW_HOOK = "nps_review_destination"

HOOK_BY_ACTION: Mapping[Action, str] = {
    "send_fallback": MESSAGE_HOOK,
    "send_case_reminder": MESSAGE_HOOK,
    "open_ticket": "nps_open_tickets",
    "update_ticket": "nps_update_tickets",
    "send_alert": "nps_send_alerts",
    "send_survey": MESSAGE_HOOK,
    "send_reminder": MESSAGE_HOOK,
    "write_score": "nps_write_scores",
    "invite_review": MESSAGE_HOOK,
    "write_opt_out": "nps_write_opt_outs",
    "erase_contact": "nps_erase_contacts",
    "write_case_outcome": "nps_write_case_outcomes",
    "send_webhook": "nps_send_webhooks",
    "send_digest": MESSAGE_HOOK,
}

HOOKS_BY_CAPABILITY: Mapping[str, Collection[str]] = {
    "webhooks": ("nps_verify_webhook", "nps_parse_events"),
    "polling": ("nps_poll_events",),
    "channel": (MESSAGE_HOOK,),
}
"""Hooks that make a capability of `ConnectorInfo`, by its name: the plugin has it if it implements all of them."""

COMPARISONS: Mapping[str, Callable[[tuple[int, int], tuple[int, int]], bool]] = {
    ">=": operator.ge, "<=": operator.le, "==": operator.eq, "<": operator.lt, ">": operator.gt
}  # fmt: skip


@dataclass(frozen=True)
class Deprecation:
    """A hook or an argument of a hook that a later version of the plugin API lacks.

    Attributes:
        hook: name of the hook.
        argument: of the hook; None for the hook itself.
        removed_in: first version of the plugin API without it.
        instead: what to use.
    """

    hook: str
    argument: str | None
    removed_in: str
    instead: str


DEPRECATIONS: tuple[Deprecation, ...] = ()
"""What plugins should no longer use. Everything here still works."""


def capabilities(hooks: Collection[str]) -> dict[str, bool]:
    """Return the capabilities that follow from a plugin's hooks, by the name of their field in `ConnectorInfo`."""
    return {name: set(required) <= set(hooks) for name, required in HOOKS_BY_CAPABILITY.items()}


def api_problem(api: str) -> str | None:
    """Return why a plugin that supports these versions of the plugin API cannot run; None if it can."""
    current = _version(API_VERSION)
    for condition in api.split(","):
        comparison, text = re.fullmatch(r"([<>=]+)(.+)", condition).groups()  # type: ignore[union-attr]
        if not COMPARISONS[comparison](current, _version(text)):
            is_newer = comparison in (">=", ">") or (comparison == "==" and _version(text) > current)
            fix = "update nps_connect, or install an older version of the plugin" if is_newer else "update the plugin"
            return f"supports the plugin API {api}, but this version of nps_connect has {API_VERSION}; {fix}"
    return None


def declaration_problem(info: ConnectorInfo, hooks: Collection[str]) -> str | None:
    """Return the first reason not to load a plugin because of what it declares; None if there is none."""
    declared = [action.action for action in info.actions]
    for action in declared:
        is_for_platform = HOOK_BY_ACTION[action] == MESSAGE_HOOK and REVIEW_HOOK in hooks
        if HOOK_BY_ACTION[action] not in hooks and not is_for_platform:
            return (
                f"declares the action {action!r}, but lacks the hook {HOOK_BY_ACTION[action]}; "
                "add the hook, or remove the action from ConnectorInfo.actions"
            )
    if len(set(declared)) != len(declared):
        return "declares an action twice in ConnectorInfo.actions"
    return None


def missing_hooks(info: ConnectorInfo, hooks: Collection[str]) -> Iterator[str]:
    """Yield what a plugin cannot do because it lacks a hook that belongs to one that it has, one sentence each."""
    if info.action("write_score") is not None and "nps_find_contacts" not in hooks:
        yield (
            "carries out write_score, but lacks nps_find_contacts: scores are written only for people whose events "
            "hold the vendor's contact; answers of others stay here"
        )
    if info.action("open_ticket") is not None and "nps_update_tickets" not in hooks:
        yield (
            "carries out open_ticket, but lacks nps_update_tickets: a changed score, a late comment and a recovery "
            "are not added to a ticket that is open"
        )


def used_deprecations(plugin: object, deprecations: Collection[Deprecation] | None = None) -> list[str]:
    """Return what a plugin uses of `deprecations` (None: of `DEPRECATIONS`), one sentence each."""
    functions = dict(hook_functions(plugin))
    sentences = []
    for deprecation in DEPRECATIONS if deprecations is None else deprecations:
        function = functions.get(deprecation.hook)
        if function is None:
            continue
        if deprecation.argument is None:
            name = deprecation.hook
        elif deprecation.argument in inspect.signature(function).parameters:
            name = f"the argument {deprecation.argument!r} of {deprecation.hook}"
        else:
            continue
        removal = f"is removed in version {deprecation.removed_in} of the plugin API"
        sentences.append(f"{name} {removal}; {deprecation.instead}")
    return sentences


def _version(text: str) -> tuple[int, int]:
    major, _, minor = text.partition(".")
    return int(major), int(minor or 0)
