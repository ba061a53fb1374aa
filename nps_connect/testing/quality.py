"""The quality file: each rule of a good plugin is done, to do, or does not apply, and says why."""

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
    """One thing that a good plugin does.

    Attributes:
        name: the key in the quality file.
        demand: what is asked, one sentence.
        checks: the contract's checks of it; none = people judge.
    """

    name: str
    requirement: str
    checks: tuple[str, ...] = ()


RULES = (
    Rule(
        "shape",
        "The loader takes the plugin; annotations, declarations and entry point agree with its hooks.",
        (
            "test_the_loader_takes_it",
            "test_its_entry_point_has_its_name",
            "test_its_annotations_agree_with_the_hooks",
            "test_it_declares_what_it_has",
            "test_it_describes_itself_the_same_twice",
        ),
    ),
    Rule("imports", "It uses the public surface only.", ("test_it_imports_only_what_a_plugin_needs",)),
    Rule("example", "Its example configuration works as it is.", ("test_its_example_configuration_works",)),
    Rule(
        "settings",
        "Missing and unknown settings are refused.",
        ("test_missing_settings_are_refused", "test_unknown_settings_are_refused"),
    ),
    Rule(
        "secrets",
        "Secrets are declared as such and never show.",
        ("test_secrets_are_declared_as_secrets", "test_secrets_never_show"),
    ),
    Rule("faults", "Every fault becomes the right error.", ("test_faults", "test_odd_error_bodies_do_not_confuse_it")),
    Rule(
        "one-effect",
        "A delivery has one effect, whatever is lost on the way.",
        (
            "test_a_delivery_gives_a_receipt_and_its_effect",
            "test_delivering_twice_leaves_one_effect",
            "test_a_lost_answer_leaves_one_effect",
        ),
    ),
    Rule("finds-existing", "A in_doubt delivery is looked for.", ("test_nothing_exists_before_it_was_delivered",)),
    Rule(
        "newest-wins",
        "An older answer never overwrites a newer one.",
        ("test_an_older_answer_never_overwrites_a_newer_one",),
    ),
    Rule("batches", "Batches keep their order; one bad subject blocks nobody.", ("test_batches_keep_their_order",)),
    Rule("isolation", "Two accounts never mix.", ("test_two_accounts_in_two_threads_do_not_mix",)),
    Rule(
        "webhooks-verified",
        "Only genuine, fresh webhooks are believed.",
        (
            "test_golden_webhooks_are_believed_and_read",
            "test_tampered_webhooks_are_refused",
            "test_stale_webhooks_are_refused",
        ),
    ),
    Rule(
        "webhooks-tolerant",
        "Resends, new kinds, new fields and odd bodies do no harm.",
        (
            "test_a_resend_gives_the_same_keys",
            "test_kinds_that_nobody_knows_give_no_events",
            "test_fields_that_nobody_knows_do_no_harm",
            "test_bodies_of_any_shape_are_read_or_refused",
        ),
    ),
    Rule(
        "polling",
        "Polls replay no history, lose nothing and can be repeated.",
        ("test_the_first_poll_never_replays_history", "test_polls_find_what_happened_and_can_be_repeated"),
    ),
    Rule("one-key", "Webhook and poll give one fact one key.", ("test_polls_and_webhooks_meet_in_one_key",)),
    Rule(
        "completing",
        "Events are completed in bulk, in order.",
        ("test_completing_keeps_events_and_finds_their_people",),
    ),
    Rule(
        "people",
        "People are found in bulk, ambiguity and opt-outs told.",
        (
            "test_people_are_found_one_match_per_key_in_order",
            "test_a_person_is_found_again_by_id",
            "test_looking_nobody_up_asks_nobody",
        ),
    ),
    Rule(
        "check",
        "An account can be checked, with a fix for each finding.",
        ("test_the_check_of_a_sound_account_finds_no_error",),
    ),
    Rule(
        "set-up", "What is missing at the vendor is created; twice is harmless.", ("test_setting_up_twice_is_harmless",)
    ),
    Rule("simulated-vendor", "It ships a simulated vendor.", ("test_its_simulated_vendor_tells_its_state",)),
    Rule("golden-requests", "Method, path and body of each action are kept as reviewed examples in its tests."),
    Rule("documentation", "Its page names scopes, limits and set-up, with the source of each vendor fact."),
)


def find_quality_file(plugin_file: str | None) -> Path | None:
    """The quality file beside a plugin's package, or inside of it."""
    if plugin_file is None:
        return None
    package = Path(plugin_file).parent
    return next((path for folder in (package, package.parent) if (path := folder / "quality.toml").is_file()), None)


def quality_problems(path: Path, generated: Collection[str]) -> list[str]:
    """What is wrong with a quality file, one sentence each.

    Args:
        path: the file; its ``[rules]`` table holds every rule as ``"done"`` or as
            ``{ status = "exempt", reason = "..." }``.
        generated: names of the contract's checks that apply to the plugin.
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
    known = [rule.name for rule in RULES]
    for name in rules:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            yield f"{name!r} is no rule" + (f"; did you mean {near[0]!r}?" if near else "")
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
        yield f"{rule.name!r} says done, but nothing here can be checked: say exempt, and why"
    elif status != "done" and applies and rule.checks:
        yield f"{rule.name!r} says {status}, but its checks run: say done"
