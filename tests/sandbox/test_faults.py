from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps_connect.sandbox.faults import FaultPlan, FaultRate, InjectedFault, parse_faults

ISSUE_EXAMPLE = "500=0.05,429=0.05,timeout-before=0.02,timeout-after=0.02,reset=0.02,malformed=0.02"


def test_the_option_is_parsed_into_fault_rates():
    assert parse_faults(ISSUE_EXAMPLE) == (
        FaultRate("status", "either", 0.05, 500),
        FaultRate("status", "before", 0.05, 429),
        FaultRate("timeout", "before", 0.02),
        FaultRate("timeout", "after", 0.02),
        FaultRate("reset", "either", 0.02),
        FaultRate("malformed", "either", 0.02),
    )


def test_an_empty_option_means_no_faults():
    assert parse_faults(" ") == ()
    assert FaultPlan(parse_faults("")).draw("crm") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("500", "has no rate"),
        ("500=often", "is not a rate"),
        ("500=1.5", "is not a rate"),
        ("500=nan", "is not a rate"),
        ("200=0.1", "unknown fault '200'"),
        ("flood=0.1", "unknown fault 'flood'"),
        ("reset-during=0.1", "unknown fault 'reset-during'"),
        ("429-after=0.1", "429 means that nothing was applied"),
        ("500=0.6,reset=0.6", "add up to more than 1"),
    ],
)
def test_an_invalid_option_raises_with_the_reason(text, message):
    with pytest.raises(ValueError, match=message):
        parse_faults(text)


@given(st.text(max_size=40))
def test_any_text_is_parsed_or_raises_value_error(text):
    try:
        rates = parse_faults(text)
    except ValueError:
        return
    assert all(0 <= rate.rate <= 1 for rate in rates)


@given(st.integers(), st.lists(st.sampled_from(["crm", "helpdesk", "mailbox"]), max_size=60))
def test_the_same_seed_gives_the_same_faults_per_target_in_any_interleaving(seed, targets):
    rates = parse_faults("500=0.3,timeout=0.3,reset=0.2")
    mixed, sorted_by_target = FaultPlan(rates, seed), FaultPlan(rates, seed)
    drawn = {target: [] for target in targets}
    for target in targets:
        drawn[target].append(mixed.draw(target))
    assert drawn == {
        target: [sorted_by_target.draw(target) for _ in range(targets.count(target))] for target in sorted(drawn)
    }


def test_another_seed_gives_other_faults():
    rates = parse_faults("500=0.5")
    plan, other_plan = FaultPlan(rates, 1), FaultPlan(rates, 2)
    assert [plan.draw("crm") for _ in range(64)] != [other_plan.draw("crm") for _ in range(64)]


def test_faults_occur_at_their_rates_before_and_after_applying():
    plan = FaultPlan(parse_faults("500=0.1,timeout-after=0.05,429=0.05"), seed=7)
    drawn = [plan.draw("crm") for _ in range(10_000)]
    assert drawn.count(None) == pytest.approx(8_000, abs=200)
    assert drawn.count(InjectedFault("timeout", applied=True)) == pytest.approx(500, abs=100)
    assert drawn.count(InjectedFault("status", applied=False, status=429)) == pytest.approx(500, abs=100)
    assert drawn.count(InjectedFault("status", applied=True, status=500)) == pytest.approx(500, abs=100)
    assert drawn.count(InjectedFault("status", applied=False, status=500)) == pytest.approx(500, abs=100)
    assert plan.injected_counts() == {"crm": 10_000 - drawn.count(None)}
