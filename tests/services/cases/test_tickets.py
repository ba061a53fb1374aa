"""Priority, tags and deadline of a ticket."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps_connect.rules.timing import reply_deadline
from nps_connect.services.cases.actions import ticket_priority, ticket_tags
from nps_connect.settings.cases import Cases

PARIS = ZoneInfo("Europe/Paris")


def test_a_lower_score_has_a_higher_priority():
    assert [ticket_priority(score) for score in range(11)] == ["urgent"] * 4 + ["high"] * 2 + ["normal"] + ["low"] * 4


def test_the_bands_are_configurable():
    assert [ticket_priority(score, urgent_up_to=-1, high_up_to=6) for score in range(11)] == ["high"] * 7 + ["low"] * 4
    assert [ticket_priority(score, urgent_up_to=0, high_up_to=0) for score in range(3)] == [
        "urgent",
        "normal",
        "normal",
    ]


@pytest.mark.parametrize("score", [-1, 11, 6.5, True])
def test_an_invalid_score_is_refused(score):
    with pytest.raises(ValueError, match="integer from 0 to 10"):
        ticket_priority(score)


def test_tags_name_product_segment_and_survey():
    assert ticket_tags("detractor", "after-purchase") == ("nps", "nps-detractor", "survey-after-purchase")
    assert ticket_tags("promoter", "x", recovered=True) == ("nps", "nps-promoter", "survey-x", "nps-recovered")


@given(st.text())
def test_tags_contain_no_space(survey):
    assert all(not any(letter.isspace() for letter in tag) for tag in ticket_tags("detractor", survey))


@pytest.mark.parametrize(
    ("answered", "due"),
    [
        ("2026-06-01T08:00", "2026-06-02T16:00"),  # Monday -> Tuesday 18:00 in Paris
        ("2026-06-05T08:00", "2026-06-08T16:00"),  # Friday -> Monday
        ("2026-06-06T08:00", "2026-06-08T16:00"),  # Saturday -> Monday
        ("2026-06-07T08:00", "2026-06-08T16:00"),  # Sunday -> Monday
        ("2026-06-04T22:30", "2026-06-08T16:00"),  # already Friday in Paris -> Monday
        ("2026-10-23T08:00", "2026-10-26T17:00"),  # over the end of summer time
    ],
)
def test_the_deadline_is_the_end_of_the_next_working_day(answered, due):
    assert reply_deadline(datetime.fromisoformat(answered + "Z"), PARIS, Cases()) == datetime.fromisoformat(due + "Z")


@given(st.datetimes(datetime(2000, 1, 1), datetime(2050, 1, 1), timezones=st.just(UTC)))
def test_a_deadline_is_on_a_working_day_within_four_days(moment):
    due = reply_deadline(moment, PARIS, Cases())
    local = due.astimezone(PARIS)
    assert (local.hour, local.minute) == (18, 0)
    assert local.weekday() < 5
    assert timedelta(0) < due - moment < timedelta(days=4)
