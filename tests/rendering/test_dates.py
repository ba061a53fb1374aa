from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from nps_connect.rendering.dates import format_datetime, format_day

FIRST = datetime(2027, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("language", "text"), [("fr", "1er mars 2027"), ("fr-CA", "1er mars 2027"), ("en", "1 March 2027")]
)
def test_the_first_of_a_month(language, text):
    assert format_day(FIRST, language) == text


def test_only_the_first_of_a_month_is_an_ordinal_in_french():
    days = [format_day(FIRST + timedelta(days=offset), "fr") for offset in range(365)]
    assert sum(day.startswith("1er ") for day in days) == 12
    assert days[10] == "11 mars 2027"


def test_a_moment_names_its_zone():
    assert format_datetime(FIRST, ZoneInfo("Europe/Paris"), "fr") == "1er mars 2027, 13:00 (Europe/Paris)"
