"""The text form of delays."""

from __future__ import annotations

from contextlib import suppress
from datetime import time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps_connect.settings.durations import WEEKDAYS_BY_NAME, Delay, format_delay, parse_delay
from nps_connect.settings.model import Trigger

delays = st.builds(
    Delay,
    wait=st.integers(0, 86_400 * 400).map(lambda seconds: timedelta(seconds=seconds)),
    day=st.sampled_from(list(WEEKDAYS_BY_NAME)),
    clock=st.builds(time, st.integers(0, 23), st.integers(0, 59)),
) | st.builds(Delay, wait=st.integers(0, 86_400 * 400).map(lambda seconds: timedelta(seconds=seconds)))


@given(delays)
def test_a_formatted_delay_parses_to_the_same_delay(delay):
    assert parse_delay(format_delay(delay)) == delay


@given(st.text(max_size=40))
def test_any_text_is_a_delay_or_raises_value_error(text):
    with suppress(ValueError):
        read = parse_delay(text)
        assert parse_delay(format_delay(read)) == read


@pytest.mark.parametrize(
    ("text", "delay"),
    [
        ("3d", Delay(timedelta(days=3))),
        ("0s", Delay()),
        ("next tuesday 10:00", Delay(day="tuesday", clock=time(10))),
        ("  Next  Tuesday 10:00 ", Delay(day="tuesday", clock=time(10))),
        ("2d then next weekday 09:30", Delay(timedelta(days=2), "weekday", time(9, 30))),
    ],
)
def test_accepted_forms(text, delay):
    assert parse_delay(text) == delay


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("soon", "column 1: not a duration"),
        ("next", "column 5: a day is missing"),
        ("next tuesday", "column 13: a time of day such as 10:00 is missing"),
        ("next tusday 10:00", "column 6: 'tusday' is not a day; allowed: monday"),
        ("next tuesday 25:00", "column 14: '25:00' is not a time of day"),
        ("next tuesday 9:00", "column 14: '9:00' is not a time of day"),
        ("next tuesday 10:00 sharp", "column 20: nothing is expected"),
        ("3d next tuesday 10:00", "column 4: 'next' is not expected here"),
        ("3d then tuesday 10:00", "a time of day such as 10:00 is missing"),
    ],
)
def test_mistakes_name_the_column(text, message):
    with pytest.raises(ValueError) as caught:  # the whole sentence is compared below
        parse_delay(text)
    assert message in str(caught.value)


def test_a_period_that_ends_before_it_starts_is_a_mistake():
    with pytest.raises(ValueError, match="active_until is before active_from"):
        Trigger.model_validate(
            {"on": "deal.won", "from": "crm", "survey": "s", "active_from": "2026-02-01", "active_until": "2026-01-31"}
        )
