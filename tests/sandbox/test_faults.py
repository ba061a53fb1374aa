from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps_connect.sandbox.faults import FaultPlan, FaultRate, InjectedFault, parse_faults

ISSUE_EXAMPLE = "500=0.05,429=0.05,timeout-before=0.02,timeout-after=0.02,reset=0.02,malformed=0.02"


def test_the_words_of_the_option_are_read():
    assert parse_faults(ISSUE_EXAMPLE) == (
        FaultRate("status", "either", 0.05, 500),
        FaultRate("status", "before", 0.05, 429),
        FaultRate("timeout", "before", 0.02),
        FaultRate("timeout", "after", 0.02),
        FaultRate("reset", "either", 0.02),
        FaultRate("malformed", "either", 0.02),
    )


def test_no_words_are_no_faults():
    assert parse_faults(" ") == ()
    assert FaultPlan(parse_faults("")).draw("crm") is None


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("500", "names no rate"),
        ("500=often", "is not a rate"),
        ("500=1.5", "is not a rate"),
        ("500=nan", "is not a rate"),
        ("200=0.1", "no fault is called '200'"),
        ("flood=0.1", "no fault is called 'flood'"),
        ("reset-during=0.1", "no fault is called 'reset-during'"),
        ("429-after=0.1", "429 says that nothing was applied"),
        ("500=0.6,reset=0.6", "add up to more than 1"),
    ],
)
def test_a_mistake_is_told(text, complaint):
    with pytest.raises(ValueError, match=complaint):
        parse_faults(text)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text):
    try:
        rates = parse_faults(text)
    except ValueError:
        return
    assert all(0 <= rate.rate <= 1 for rate in rates)


@given(st.integers(), st.lists(st.sampled_from(["crm", "helpdesk", "mailbox"]), max_size=60))
def test_the_same_seed_and_order_at_each_place_give_the_same_faults(seed, places):
    rates = parse_faults("500=0.3,timeout=0.3,reset=0.2")
    mixed, sorted_by_place = FaultPlan(rates, seed), FaultPlan(rates, seed)
    drawn = {place: [] for place in places}
    for place in places:
        drawn[place].append(mixed.draw(place))
    assert drawn == {
        place: [sorted_by_place.draw(place) for _ in range(places.count(place))] for place in sorted(drawn)
    }


def test_another_seed_gives_other_faults():
    rates = parse_faults("500=0.5")
    one, other = FaultPlan(rates, 1), FaultPlan(rates, 2)
    assert [one.draw("crm") for _ in range(64)] != [other.draw("crm") for _ in range(64)]


def test_faults_strike_at_their_rates_before_and_after_applying():
    plan = FaultPlan(parse_faults("500=0.1,timeout-after=0.05,429=0.05"), seed=7)
    drawn = [plan.draw("crm") for _ in range(10_000)]
    assert drawn.count(None) == pytest.approx(8_000, abs=200)
    assert drawn.count(InjectedFault("timeout", applied=True)) == pytest.approx(500, abs=100)
    assert drawn.count(InjectedFault("status", applied=False, status=429)) == pytest.approx(500, abs=100)
    assert drawn.count(InjectedFault("status", applied=True, status=500)) == pytest.approx(500, abs=100)
    assert drawn.count(InjectedFault("status", applied=False, status=500)) == pytest.approx(500, abs=100)
    assert plan.injected_counts() == {"crm": 10_000 - drawn.count(None)}
