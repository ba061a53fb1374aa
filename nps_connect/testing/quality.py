"""The quality file: the status of each rule (done, todo or exempt) with a reason."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

RULE_STATES = ("done", "todo", "exempt")
MIN_REASON_LENGTH = 10


@dataclass(frozen=True)
class Rule:
    """One quality rule.

    Attributes:
        name: the key in the quality file.
        requirement: what is required, one sentence.
        checks: the contract checks of this rule; empty means that people review it.
    """

    name: str
    requirement: str
    checks: tuple[str, ...] = ()


RULES = (
    Rule(
        "shape",
        "The plugin loads; annotations, declarations and entry point match its hooks.",
        (
            "test_plugin_loads",
            "test_entry_point_has_the_plugin_name",
            "test_annotations_match_the_hookspecs",
            "test_declarations_match_the_hooks",
            "test_connector_info_is_constant",
            "test_classified_comments_keep_order_and_themes",
        ),
    ),
    Rule("imports", "It uses the public API only.", ("test_imports_only_the_public_api",)),
    Rule("threads", "No thread outlives the hook call that started it.", ("test_no_thread_outlives_its_call",)),
    Rule("example", "Its example configuration is valid as it is.", ("test_example_configuration_is_valid",)),
    Rule(
        "settings",
        "Missing and unknown settings are rejected.",
        ("test_missing_settings_are_rejected", "test_unknown_settings_are_rejected"),
    ),
    Rule(
        "secrets",
        "Secrets are declared as secrets and never shown.",
        ("test_secrets_are_declared_as_secrets", "test_secrets_never_show"),
    ),
    Rule("faults", "Every fault becomes the right error.", ("test_faults", "test_malformed_error_bodies_are_handled")),
    Rule(
        "one-effect",
        "A delivery has exactly one effect, whichever response is lost.",
        (
            "test_delivery_returns_a_receipt_and_has_one_effect",
            "test_repeated_delivery_has_one_effect",
            "test_lost_response_has_one_effect",
        ),
    ),
    Rule(
        "finds-existing",
        "It looks for a delivery in doubt before it is sent again.",
        ("test_find_existing_returns_none_before_delivery",),
    ),
    Rule(
        "newest-wins",
        "An older response or case outcome never overwrites a newer one.",
        (
            "test_older_response_never_overwrites_a_newer_one",
            "test_older_case_outcome_never_overwrites_a_newer_one",
        ),
    ),
    Rule(
        "batches",
        "Batch outcomes follow the item order; one bad item does not block the others.",
        ("test_batch_outcomes_follow_item_order",),
    ),
    Rule("isolation", "Two connections are isolated from each other.", ("test_concurrent_connections_are_isolated",)),
    Rule(
        "webhooks-verified",
        "Only genuine, recent webhooks are accepted.",
        (
            "test_genuine_webhooks_are_accepted_and_parsed",
            "test_tampered_webhooks_are_rejected",
            "test_stale_webhooks_are_rejected",
        ),
    ),
    Rule(
        "webhooks-tolerant",
        "Resends, new event kinds, new fields and malformed bodies are handled.",
        (
            "test_resent_webhooks_have_the_same_event_keys",
            "test_unknown_event_kinds_are_ignored",
            "test_unknown_fields_are_ignored",
            "test_malformed_bodies_are_parsed_or_rejected",
        ),
    ),
    Rule(
        "polling",
        "Polling returns no history, is complete and can be repeated.",
        ("test_first_poll_returns_no_history", "test_polling_is_complete_and_repeatable"),
    ),
    Rule("one-key", "Webhook and poll of one fact have one key.", ("test_poll_and_webhook_have_the_same_event_key",)),
    Rule(
        "completing",
        "Events are completed in bulk, in order.",
        ("test_completed_events_keep_order_and_have_contacts",),
    ),
    Rule(
        "people",
        "Contacts are found in bulk; ambiguity and opt-outs are reported.",
        (
            "test_contacts_are_found_with_one_match_per_key_in_order",
            "test_contacts_are_found_by_id",
            "test_lookup_without_keys_sends_no_request",
            "test_every_contact_is_listed_once_over_all_pages",
            "test_page_of_contacts_can_be_read_again_and_a_foreign_cursor_is_rejected",
        ),
    ),
    Rule(
        "check",
        "An account can be checked, with a fix for each finding.",
        ("test_check_of_a_healthy_account_reports_no_error",),
    ),
    Rule("set-up", "Missing objects are created at the vendor; setup is idempotent.", ("test_setup_is_idempotent",)),
    Rule("simulated-vendor", "It ships a simulated vendor.", ("test_simulated_vendor_fits_the_sandbox",)),
    Rule("golden-requests", "Method, path and body of each action are kept as reviewed examples in its tests."),
    Rule("documentation", "Its page names scopes, limits and setup, with the source of each vendor fact."),
)


def find_quality_file(plugin_file: str | None) -> Path | None:
    """Return the quality file in or next to a plugin's package."""
    if plugin_file is None:
        return None
    package = Path(plugin_file).parent
    return next((path for folder in (package, package.parent) if (path := folder / "quality.toml").is_file()), None)


def quality_problems(path: Path, generated: Collection[str]) -> list[str]:
    """Return what is wrong with a quality file, one sentence each.

    Args:
        path: the file; its ``[rules]`` table holds every rule as ``"done"`` or as
            ``{ status = "exempt", reason = "..." }``.
        generated: names of the contract checks that apply to the plugin.
    """
    try:
        rules = tomllib.loads(path.read_text(encoding="utf-8")).get("rules", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return [f"{path.name} is not TOML: {error}"]
    return [
        *_name_problems(rules),
        *(
            problem
            for rule in RULES
            if rule.name in rules
            for problem in _rule_problems(rule, rules[rule.name], generated)
        ),
    ]


def _name_problems(rules: Mapping[str, Any]) -> Iterator[str]:
    rule_names = [rule.name for rule in RULES]
    for name in rules:
        if name not in rule_names:
            near = get_close_matches(name, rule_names, n=1)
            yield f"{name!r} is not a rule" + (f"; did you mean {near[0]!r}?" if near else "")
    for rule in RULES:
        if rule.name not in rules:
            yield f"{rule.name!r} is missing: {rule.requirement}"


def _rule_problems(rule: Rule, entry: Any, generated: Collection[str]) -> Iterator[str]:  # noqa: ANN401  # TOML
    table = entry if isinstance(entry, dict) else {"status": entry}
    status, reason = table.get("status"), table.get("reason", "")
    applies = not rule.checks or bool(set(rule.checks) & set(generated))
    if status not in RULE_STATES:
        yield f"{rule.name!r} is {status!r}; allowed: {', '.join(RULE_STATES)}"
    elif status != "done" and len(str(reason)) < MIN_REASON_LENGTH:
        yield f"{rule.name!r} is {status} without a reason"
    elif status == "done" and not applies:
        yield f"{rule.name!r} says done, but none of its checks applies: say exempt, with a reason"
    elif status != "done" and applies and rule.checks:
        yield f"{rule.name!r} says {status}, but its checks run: say done"
