"""Limits of a trigger: caps, cooldown, active period and unusual numbers."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from support.trigger_facts import ANNE, NOW, event, facts, trigger

from nps_connect.rules.evaluate import check_trigger, unusual_threshold
from nps_connect.rules.trigger_decision import cooldown_decision
from nps_connect.settings.model import Limits


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
