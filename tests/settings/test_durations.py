from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps_connect.settings.durations import MAX_DURATION, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("90d", timedelta(days=90)),
        ("1d12h", timedelta(hours=36)),
        ("2w", timedelta(days=14)),
        ("0s", timedelta()),
        (" 20m ", timedelta(minutes=20)),
    ],
)
def test_accepted_forms(text, duration):
    assert parse_duration(text) == duration


@pytest.mark.parametrize("text", ["", "3", "d", "3 d", "-3d", "3.5d", "3y", "٣d", 3, None, True, ["3d"]])
def test_rejected_forms(text):
    with pytest.raises(ValueError, match="not a duration: write a number and a unit"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["3661d", "999999999w", "9" * 5000 + "s", "3660d1s"])
def test_the_maximum_is_ten_years(text):
    with pytest.raises(ValueError, match="longer than ten years"):
        parse_duration(text)


@given(st.integers(min_value=0, max_value=int(MAX_DURATION.total_seconds())))
def test_a_formatted_duration_parses_to_the_same_duration(seconds):
    duration = timedelta(seconds=seconds)
    assert parse_duration(format_duration(duration)) == duration


@given(st.lists(st.tuples(st.integers(0, 10**14), st.sampled_from("wdhms")), min_size=1, max_size=5))
def test_any_numbers_and_units_are_a_duration_or_raise_value_error(parts):
    text = "".join(f"{number}{unit}" for number, unit in parts)
    duration = None
    with suppress(ValueError):
        duration = parse_duration(text)
    assert duration is None or timedelta() <= duration <= MAX_DURATION


@given(st.text())
def test_any_text_is_a_duration_or_raises_value_error(text):
    duration = None
    with suppress(ValueError):
        duration = parse_duration(text)
    assert duration is None or timedelta() <= duration <= MAX_DURATION
