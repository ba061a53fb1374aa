"""Checks of a trigger: verdicts and reasons."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import combinations

import pytest
from support.trigger_facts import ANNE, NOW, event, facts, trigger, where

from nps_connect.records.contacts import Contact
from nps_connect.records.surveys import ContactHistory
from nps_connect.rules.evaluate import check_trigger

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
