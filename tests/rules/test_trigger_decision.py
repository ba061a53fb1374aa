"""Checks of a trigger: verdicts and reasons."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from zoneinfo import ZoneInfo

import pytest

from nps_connect.records.contacts import Contact
from nps_connect.records.events import Event
from nps_connect.records.surveys import ContactHistory
from nps_connect.rules.evaluate import check_trigger, unusual_threshold
from nps_connect.rules.filters import compile_filter
from nps_connect.rules.trigger_decision import Facts, cooldown_decision
from nps_connect.settings.model import Limits, Trigger

NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)
ANNE = Contact(connection="crm", id="17", email="anne@example.com", language="fr", fields={"city": "Lyon"})
FIELDS = {"amount": "number", "email": "text", "note": "text", "city": "text"}


def event(**values):
    filled = {"key": "deal.won:1:1", "kind": "deal.won", "object_id": "1", "occurred_at": NOW} | values
    return Event(**filled)


def trigger(**values):
    return Trigger(**{"on": "deal.won", "from": "crm", "survey": "after-purchase"} | values)


def where(text):
    return compile_filter(text, FIELDS, open_fields=False)


def facts(**values):
    defaults = {
        "trigger": trigger(delay="3d"),
        "event": event(fields={"amount": "120.00"}),
        "now": NOW,
        "limits": Limits(),
        "filter": where("amount >= 100"),
        "contacts": (ANNE,),
        "suppression_reason": None,
        "veto_reason": None,
        "history": ContactHistory(),
        "surveys_due": lambda _day: 0,
        "trigger_surveys_due": lambda _day: 0,
        "outranked_by": None,
        "blocked_until": None,
        "reached": 0,
        "baseline": lambda: 0.0,
        "released": False,
        "seen_at": values.get("now", NOW),
        "zone": UTC,
        "was_looked_up": False,
    }
    return Facts(**defaults | values)


NOT_SAMPLED = trigger(sample=0.000001)
REFUSALS = {
    "inactive": {"trigger": trigger(active_from="2026-05-05")},
    "too_old": {"now": NOW + timedelta(days=8)},
    "filter": {"event": event(fields={"amount": "50"})},
    "no_contact": {"contacts": ()},
    "no_address": {"contacts": (ANNE.model_copy(update={"email": None}),)},
    "opted_out": {"contacts": (ANNE.model_copy(update={"opted_out": True}),)},
    "suppressed": {"suppression_reason": "the mailbox bounced"},
    "sample": {"trigger": NOT_SAMPLED},
    "veto": {"veto_reason": "an open complaint"},
    "outranked": {"outranked_by": "crm:deal.won:other"},
    "cooldown": {"blocked_until": NOW + timedelta(days=5)},
    "unusual": {"reached": 50},
    "daily_cap": {"surveys_due": lambda _day: 200},
}


def test_yes_is_due_after_the_delay():
    decision = check_trigger(facts())
    assert (decision.verdict, decision.reason) == ("yes", "surveyed")
    assert decision.due_at == NOW + timedelta(days=3)
    assert "3d after the event" in decision.detail


def test_due_time_is_never_in_the_past():
    decision = check_trigger(facts(trigger=trigger(delay="1d"), now=NOW + timedelta(days=2)))
    assert decision.due_at == NOW + timedelta(days=2)
    assert check_trigger(facts(trigger=trigger())).due_at == NOW


def test_no_filter_accepts_every_event():
    assert check_trigger(facts(filter=None, event=event())).verdict == "yes"


@pytest.mark.parametrize("reason", REFUSALS)
def test_each_refusal_has_its_reason(reason):
    decision = check_trigger(facts(**REFUSALS[reason]))
    assert decision.reason == reason
    assert decision.verdict == {"daily_cap": "deferred", "unusual": "held"}.get(reason, "no")
    assert decision.due_at is None
    assert decision.detail


@pytest.mark.parametrize(("first", "second"), list(combinations(REFUSALS, 2)))
def test_first_refusal_in_order_wins(first, second):
    both = REFUSALS[second] | REFUSALS[first]
    if {first, second} == {"inactive", "sample"}:
        both["trigger"] = trigger(active_from="2026-05-05", sample=0.000001)
    assert check_trigger(facts(**both)).reason == first


def test_missing_address_is_reported_before_opt_out():
    hopeless = ANNE.model_copy(update={"email": None, "opted_out": True})
    assert check_trigger(facts(contacts=(hopeless,))).reason == "no_address"


def test_several_contacts_are_refused():
    decision = check_trigger(facts(contacts=(ANNE, ANNE.model_copy(update={"id": "18"}))))
    assert (decision.verdict, decision.reason) == ("no", "several_contacts")
    assert "2 contacts" in decision.detail


@pytest.mark.parametrize(("age", "wait"), [(0, 30), (20, 30), (300, 300), (899, 899)])
def test_a_recent_event_without_a_contact_is_looked_up_again(age, wait):
    recent = facts(event=event(occurred_at=NOW - timedelta(seconds=age)), contacts=(), history=None, was_looked_up=True)
    decision = check_trigger(recent)
    assert (decision.verdict, decision.reason) == ("deferred", "no_contact")
    assert decision.eligible_at == NOW + timedelta(seconds=wait)


@pytest.mark.parametrize("age", [timedelta(minutes=15), timedelta(days=-2)])
def test_a_contact_is_missing_for_good_outside_the_look_up_period(age):
    dated = event(occurred_at=NOW - age, fields={"amount": "120"})
    decision = check_trigger(facts(event=dated, contacts=(), history=None, was_looked_up=True))
    assert (decision.verdict, decision.reason) == ("no", "no_contact")


def test_deleted_contact_counts_as_no_contact():
    decision = check_trigger(facts(contacts=(ANNE.model_copy(update={"deleted": True}),)))
    assert decision.reason == "no_contact"
    assert "deleted" in decision.detail


def test_filter_refusal_shows_the_compared_values():
    assert (
        check_trigger(facts(event=event(fields={"amount": "50"}))).detail
        == "'amount >= 100' does not hold: amount = '50'"
    )
    assert check_trigger(facts(event=event())).detail.endswith("amount = missing")
    long = check_trigger(facts(filter=where('note == "x"'), event=event(fields={"note": "y" * 100})))
    assert len(long.detail) < 80


def test_detail_never_contains_an_address():
    shown = check_trigger(facts(filter=where('email == "x"'), event=event(fields={"email": "anne@example.com"})))
    assert "[address]" in shown.detail
    for reason_facts in (
        {"suppression_reason": "anne@example.com bounced"},
        {"veto_reason": "asked by bob@example.com"},
    ):
        assert "example.com" not in check_trigger(facts(**reason_facts)).detail


def test_filter_may_use_contact_and_history():
    text = 'contact.language == "fr" and city == "Lyon" and history.answers == 0 and history.last_score == null'
    assert check_trigger(facts(filter=where(text))).verdict == "yes"
    history = ContactHistory(last_score=3, answers=1, last_answered_at=NOW, last_surveyed_at=NOW)
    seen = 'history.last_score <= 6 and history.last_answered_at == d"2026-05-04T09:00:00Z"'
    assert check_trigger(facts(filter=where(seen), history=history)).verdict == "yes"


def test_filter_by_email_domain_or_name():
    ours = where('contact.email_domain != "example.com"')
    anne = Contact(connection="crm", id="1", email="Anne@Shop.Example.COM", name="Anne")
    assert check_trigger(facts(filter=ours, contacts=(anne,))).verdict == "yes"
    colleague = Contact(connection="crm", id="2", email="bob@EXAMPLE.com", name="Test Bob")
    refused = check_trigger(facts(filter=ours, contacts=(colleague,)))
    assert (refused.reason, "contact.email_domain = 'example.com'" in refused.detail) == ("filter", True)
    named = check_trigger(facts(filter=where('not "Test" in contact.name'), contacts=(colleague,)))
    assert named.reason == "filter"
    assert "Bob" not in named.detail


def test_event_field_takes_precedence_over_contact_field():
    nice_facts = facts(filter=where('city == "Nice"'), event=event(fields={"city": "Nice"}))
    assert check_trigger(nice_facts).verdict == "yes"


def test_missing_contact_is_reported_before_a_person_filter():
    personal = where('contact.language == "fr" and amount >= 100')
    assert check_trigger(facts(filter=personal, contacts=(), history=None)).reason == "no_contact"
    assert check_trigger(facts(filter=personal, contacts=(), history=None, event=event())).reason == "no_contact"


def test_deferred_event_does_not_become_too_old():
    later = facts(now=NOW + timedelta(days=10), event=event(fields={"amount": 100}))
    assert check_trigger(later).reason == "too_old"
    assert "10d old, max_event_age is 7d" in check_trigger(later).detail
    assert check_trigger(replace(later, seen_at=NOW)).verdict == "yes"


def test_daily_cap_defers_to_the_next_company_day():
    paris = ZoneInfo("Europe/Paris")
    decision = check_trigger(facts(trigger=trigger(), surveys_due=lambda _day: 200, zone=paris))
    assert decision.eligible_at == datetime(2026, 5, 4, 22, tzinfo=UTC)
    assert check_trigger(facts(surveys_due=lambda _day: 200, zone=paris)).eligible_at == datetime(
        2026, 5, 7, 22, tzinfo=UTC
    )
    assert "surveys_per_day is 200" in decision.detail
    assert check_trigger(facts(surveys_due=lambda _day: 199)).verdict == "yes"


def test_cooldown_skips_by_default_and_names_its_end():
    until = NOW + timedelta(days=5)
    decision = cooldown_decision(Limits(), until, NOW, UTC)
    assert (decision.verdict, decision.reason, decision.eligible_at) == ("no", "cooldown", until)
    assert "2026-05-09" in decision.detail


def test_cooldown_defers_up_to_defer_at_most():
    limits = Limits(when_blocked="defer", defer_at_most="14d")
    soon, late = NOW + timedelta(days=14), NOW + timedelta(days=14, seconds=1)
    assert cooldown_decision(limits, soon, NOW, UTC).verdict == "deferred"
    assert cooldown_decision(limits, soon, NOW, UTC).eligible_at == soon
    assert cooldown_decision(limits, late, NOW, UTC).verdict == "no"
    assert "14d that defer_at_most allows" in cooldown_decision(limits, late, NOW, UTC).detail


@pytest.mark.parametrize(
    ("happened", "period", "active"),
    [
        ("2026-05-04T21:59:59Z", {"active_until": "2026-05-04"}, True),
        ("2026-05-04T22:00:00Z", {"active_until": "2026-05-04"}, False),
        ("2026-05-03T22:00:00Z", {"active_from": "2026-05-04"}, True),
        ("2026-05-03T21:59:59Z", {"active_from": "2026-05-04"}, False),
        ("2026-05-04T10:00:00Z", {"active_from": "2026-05-04", "active_until": "2026-05-04"}, True),
    ],
)
def test_active_period_uses_company_days(happened, period, active):
    period_facts = facts(
        trigger=trigger(**period),
        event=event(occurred_at=happened, fields={"amount": 100}),
        zone=ZoneInfo("Europe/Paris"),
        now=datetime(2026, 5, 5, tzinfo=UTC),
    )
    assert (check_trigger(period_facts).reason == "inactive") is not active


@pytest.mark.parametrize(
    ("usual", "reached", "verdict"),
    [(0, 49, "yes"), (0, 50, "held"), (5, 50, "held"), (20, 99, "yes"), (20, 100, "held"), (20.1, 100, "yes")],
)
def test_unusual_threshold_follows_the_baseline_above_a_minimum(usual, reached, verdict):
    limits = Limits(unusual=50, unusual_factor=5)
    assert check_trigger(facts(limits=limits, reached=reached, baseline=lambda: usual)).verdict == verdict
    assert (reached < unusual_threshold(limits, usual)) == (verdict == "yes")


def test_unusual_detail_names_the_average():
    decision = check_trigger(facts(reached=120, baseline=lambda: 20.04))
    assert "reached 120 people within 1h, unusual is 50 and 5 times its average of 20" in decision.detail


def test_baseline_is_not_loaded_below_the_minimum():
    def asked() -> float:
        raise AssertionError("asked")

    assert check_trigger(facts(reached=49, baseline=asked)).verdict == "yes"


def test_released_event_passes_the_unusual_check():
    assert check_trigger(facts(reached=50)).verdict == "held"
    assert check_trigger(facts(reached=50, released=True)).verdict == "yes"
    assert check_trigger(facts(reached=49)).verdict == "yes"
    assert "within 1h, unusual is 50" in check_trigger(facts(reached=50)).detail


def test_ignore_cooldown_reason_is_shown():
    exempt = trigger(ignore_cooldown="the follow-up after a recovery")
    decision = check_trigger(facts(trigger=exempt, blocked_until=NOW + timedelta(days=5)))
    assert decision.verdict == "yes"
    assert "the follow-up after a recovery" in decision.detail


def test_trigger_cap_moves_the_due_time_to_following_days():
    full = {date(2026, 5, 7): 10, date(2026, 5, 8): 12, date(2026, 5, 9): 9}
    capped_facts = facts(trigger=trigger(delay="3d", per_day=10), trigger_surveys_due=lambda day: full.get(day, 0))
    assert check_trigger(capped_facts).due_at == NOW + timedelta(days=5)
    assert "at most 10 a day" in check_trigger(capped_facts).detail


@pytest.mark.parametrize(
    ("timezone", "due"),
    [
        (None, "2026-05-05T08:00:00Z"),
        ("nowhere/at-all", "2026-05-05T08:00:00Z"),
        ("America/Los_Angeles", "2026-05-05T17:00:00Z"),
        ("Pacific/Auckland", "2026-05-04T22:00:00Z"),
    ],
)
def test_named_time_uses_the_contact_time_zone_if_known(timezone, due):
    there = ANNE.model_copy(update={"timezone": timezone})
    named_time_facts = facts(
        trigger=trigger(delay="next tuesday 10:00"), contacts=(there,), zone=ZoneInfo("Europe/Paris")
    )
    assert check_trigger(named_time_facts).due_at == datetime.fromisoformat(due)


def test_cap_counts_company_days_and_keeps_the_contact_time_of_day():
    full = {date(2026, 5, 5): 1}  # in Paris, where Wednesday 9:00 of Auckland is Tuesday 23:00
    there = ANNE.model_copy(update={"timezone": "Pacific/Auckland"})
    capped = trigger(delay="next wednesday 09:00", per_day=1)
    capped_facts = facts(
        trigger=capped,
        contacts=(there,),
        zone=ZoneInfo("Europe/Paris"),
        trigger_surveys_due=lambda day: full.get(day, 0),
    )
    assert check_trigger(capped_facts).due_at == datetime(2026, 5, 6, 21, tzinfo=UTC), "Thursday 9:00 in Auckland"
