"""Verdicts and their reasons."""

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


def event(**known):
    filled = {"key": "deal.won:1:1", "kind": "deal.won", "object_id": "1", "occurred_at": NOW} | known
    return Event(**filled)


def trigger(**known):
    return Trigger(**{"on": "deal.won", "from": "crm", "survey": "after-purchase"} | known)


def where(text):
    return compile_filter(text, FIELDS, open_fields=False)


def facts(**known):
    usual = {
        "trigger": trigger(delay="3d"),
        "event": event(fields={"amount": "120.00"}),
        "now": NOW,
        "limits": Limits(),
        "filter": where("amount >= 100"),
        "contacts": (ANNE,),
        "suppression_reason": None,
        "veto_reason": None,
        "history": ContactHistory(),
    }
    return Facts(**usual | known)


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


def test_a_yes_is_due_after_the_delay():
    ruling = check_trigger(facts())
    assert (ruling.verdict, ruling.reason) == ("yes", "surveyed")
    assert ruling.due_at == NOW + timedelta(days=3)
    assert "3d after the event" in ruling.detail


def test_nothing_is_due_in_the_past():
    ruling = check_trigger(facts(trigger=trigger(delay="1d"), now=NOW + timedelta(days=2)))
    assert ruling.due_at == NOW + timedelta(days=2)
    assert check_trigger(facts(trigger=trigger())).due_at == NOW


def test_without_a_filter_every_event_passes():
    assert check_trigger(facts(filter=None, event=event())).verdict == "yes"


@pytest.mark.parametrize("reason", REFUSALS)
def test_each_refusal_has_its_reason(reason):
    ruling = check_trigger(facts(**REFUSALS[reason]))
    assert ruling.reason == reason
    assert ruling.verdict == {"daily_cap": "deferred", "unusual": "held"}.get(reason, "no")
    assert ruling.due_at is None
    assert ruling.detail


@pytest.mark.parametrize(("first", "second"), list(combinations(REFUSALS, 2)))
def test_of_two_refusals_the_first_in_order_is_told(first, second):
    both = REFUSALS[second] | REFUSALS[first]
    if {first, second} == {"inactive", "sample"}:
        both["trigger"] = trigger(active_from="2026-05-05", sample=0.000001)
    assert check_trigger(facts(**both)).reason == first


def test_a_contact_with_every_obstacle_is_told_of_the_address_first():
    hopeless = ANNE.model_copy(update={"email": None, "opted_out": True})
    assert check_trigger(facts(contacts=(hopeless,))).reason == "no_address"


def test_several_contacts_are_an_answer_not_a_guess():
    ruling = check_trigger(facts(contacts=(ANNE, ANNE.model_copy(update={"id": "18"}))))
    assert (ruling.verdict, ruling.reason) == ("no", "several_contacts")
    assert "2 contacts" in ruling.detail


def test_a_deleted_contact_is_none():
    ruling = check_trigger(facts(contacts=(ANNE.model_copy(update={"deleted": True}),)))
    assert ruling.reason == "no_contact"
    assert "deleted" in ruling.detail


def test_a_filter_tells_what_it_saw():
    assert (
        check_trigger(facts(event=event(fields={"amount": "50"}))).detail
        == "'amount >= 100' does not hold: amount = '50'"
    )
    assert check_trigger(facts(event=event())).detail.endswith("amount = missing")
    long = check_trigger(facts(filter=where('note == "x"'), event=event(fields={"note": "y" * 100})))
    assert len(long.detail) < 80


def test_no_detail_holds_an_address():
    shown = check_trigger(facts(filter=where('email == "x"'), event=event(fields={"email": "anne@example.com"})))
    assert "[address]" in shown.detail
    for known in ({"suppression_reason": "anne@example.com bounced"}, {"veto_reason": "asked by bob@example.com"}):
        assert "example.com" not in check_trigger(facts(**known)).detail


def test_a_filter_sees_the_contact_and_the_history_too():
    text = 'contact.language == "fr" and city == "Lyon" and history.answers == 0 and history.last_score == null'
    assert check_trigger(facts(filter=where(text))).verdict == "yes"
    known = ContactHistory(last_score=3, answers=1, last_answered_at=NOW, last_surveyed_at=NOW)
    seen = 'history.last_score <= 6 and history.last_answered_at == d"2026-05-04T09:00:00Z"'
    assert check_trigger(facts(filter=where(seen), history=known)).verdict == "yes"


def test_colleagues_and_tests_are_kept_out_by_domain_or_name():
    ours = where('contact.email_domain != "example.com"')
    anne = Contact(connection="crm", id="1", email="Anne@Shop.Example.COM", name="Anne")
    assert check_trigger(facts(filter=ours, contacts=(anne,))).verdict == "yes"
    colleague = Contact(connection="crm", id="2", email="bob@EXAMPLE.com", name="Test Bob")
    refused = check_trigger(facts(filter=ours, contacts=(colleague,)))
    assert (refused.reason, "contact.email_domain = 'example.com'" in refused.detail) == ("filter", True)
    named = check_trigger(facts(filter=where('not "Test" in contact.name'), contacts=(colleague,)))
    assert named.reason == "filter"
    assert "Bob" not in named.detail


def test_the_event_s_own_field_comes_before_the_contact_s():
    known = facts(filter=where('city == "Nice"'), event=event(fields={"city": "Nice"}))
    assert check_trigger(known).verdict == "yes"


def test_a_filter_about_the_person_is_not_blamed_when_there_is_no_person():
    personal = where('contact.language == "fr" and amount >= 100')
    assert check_trigger(facts(filter=personal, contacts=(), history=None)).reason == "no_contact"
    assert check_trigger(facts(filter=personal, contacts=(), history=None, event=event())).reason == "no_contact"


def test_a_deferred_event_does_not_grow_too_old_by_waiting():
    later = facts(now=NOW + timedelta(days=10), event=event(fields={"amount": 100}))
    assert check_trigger(later).reason == "too_old"
    assert "10d old, max_event_age is 7d" in check_trigger(later).detail
    assert check_trigger(replace(later, seen_at=NOW)).verdict == "yes"


def test_the_daily_cap_defers_to_the_company_s_next_day():
    paris = ZoneInfo("Europe/Paris")
    ruling = check_trigger(facts(trigger=trigger(), surveys_due=lambda _day: 200, zone=paris))
    assert ruling.eligible_at == datetime(2026, 5, 4, 22, tzinfo=UTC)
    assert check_trigger(facts(surveys_due=lambda _day: 200, zone=paris)).eligible_at == datetime(
        2026, 5, 7, 22, tzinfo=UTC
    )
    assert "surveys_per_day is 200" in ruling.detail
    assert check_trigger(facts(surveys_due=lambda _day: 199)).verdict == "yes"


def test_a_cooldown_skips_by_default_and_tells_the_next_date():
    until = NOW + timedelta(days=5)
    ruling = cooldown_decision(Limits(), until, NOW, UTC)
    assert (ruling.verdict, ruling.reason, ruling.eligible_at) == ("no", "cooldown", until)
    assert "2026-05-09" in ruling.detail


def test_a_cooldown_defers_as_long_as_the_operator_allows():
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
def test_the_active_period_counts_the_company_s_days(happened, period, active):
    known = facts(
        trigger=trigger(**period),
        event=event(occurred_at=happened, fields={"amount": 100}),
        zone=ZoneInfo("Europe/Paris"),
        now=datetime(2026, 5, 5, tzinfo=UTC),
    )
    assert (check_trigger(known).reason == "inactive") is not active


@pytest.mark.parametrize(
    ("usual", "reached", "verdict"),
    [(0, 49, "yes"), (0, 50, "held"), (5, 50, "held"), (20, 99, "yes"), (20, 100, "held"), (20.1, 100, "yes")],
)
def test_what_is_unusual_grows_with_what_is_usual_for_the_trigger_and_never_falls_below_the_floor(
    usual, reached, verdict
):
    limits = Limits(unusual=50, unusual_factor=5)
    assert check_trigger(facts(limits=limits, reached=reached, baseline=lambda: usual)).verdict == verdict
    assert (reached < unusual_threshold(limits, usual)) == (verdict == "yes")


def test_the_average_is_told_to_whoever_is_asked():
    ruling = check_trigger(facts(reached=120, baseline=lambda: 20.04))
    assert "reached 120 people within 1h, unusual is 50 and 5 times its average of 20" in ruling.detail


def test_the_average_is_not_asked_for_below_the_floor():
    def asked() -> float:
        raise AssertionError("asked")

    assert check_trigger(facts(reached=49, baseline=asked)).verdict == "yes"


def test_an_operator_s_release_lets_an_unusual_number_through():
    assert check_trigger(facts(reached=50)).verdict == "held"
    assert check_trigger(facts(reached=50, released=True)).verdict == "yes"
    assert check_trigger(facts(reached=49)).verdict == "yes"
    assert "within 1h, unusual is 50" in check_trigger(facts(reached=50)).detail


def test_a_written_reason_sets_the_cooldown_aside_and_is_told():
    exempt = trigger(ignore_cooldown="the follow-up after a recovery")
    ruling = check_trigger(facts(trigger=exempt, blocked_until=NOW + timedelta(days=5)))
    assert ruling.verdict == "yes"
    assert "the follow-up after a recovery" in ruling.detail


def test_a_trigger_s_own_cap_spreads_over_the_days_that_follow():
    full = {date(2026, 5, 7): 10, date(2026, 5, 8): 12, date(2026, 5, 9): 9}
    known = facts(trigger=trigger(delay="3d", per_day=10), trigger_surveys_due=lambda day: full.get(day, 0))
    assert check_trigger(known).due_at == NOW + timedelta(days=5)
    assert "at most 10 a day" in check_trigger(known).detail


@pytest.mark.parametrize(
    ("timezone", "due"),
    [
        (None, "2026-05-05T08:00:00Z"),
        ("nowhere/at-all", "2026-05-05T08:00:00Z"),
        ("America/Los_Angeles", "2026-05-05T17:00:00Z"),
        ("Pacific/Auckland", "2026-05-04T22:00:00Z"),
    ],
)
def test_a_named_time_is_read_from_the_clock_where_the_person_lives_as_far_as_it_is_known(timezone, due):
    there = ANNE.model_copy(update={"timezone": timezone})
    known = facts(trigger=trigger(delay="next tuesday 10:00"), contacts=(there,), zone=ZoneInfo("Europe/Paris"))
    assert check_trigger(known).due_at == datetime.fromisoformat(due)


def test_a_cap_counts_the_company_s_days_and_keeps_the_time_of_day_where_the_person_lives():
    full = {date(2026, 5, 5): 1}  # in Paris, where Wednesday 9:00 of Auckland is Tuesday 23:00
    there = ANNE.model_copy(update={"timezone": "Pacific/Auckland"})
    capped = trigger(delay="next wednesday 09:00", per_day=1)
    known = facts(
        trigger=capped,
        contacts=(there,),
        zone=ZoneInfo("Europe/Paris"),
        trigger_surveys_due=lambda day: full.get(day, 0),
    )
    assert check_trigger(known).due_at == datetime(2026, 5, 6, 21, tzinfo=UTC), "Thursday 9:00 in Auckland"
