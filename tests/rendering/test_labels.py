"""Dates and labels in the reader's language."""

from datetime import UTC, datetime, timedelta
from typing import get_args
from zoneinfo import ZoneInfo

import pytest

from nps_connect.records.actions import Action
from nps_connect.rendering.labels import (
    action_label,
    format_datetime,
    format_day,
    language_label,
    readable_name,
    touchpoint_label,
)


@pytest.mark.parametrize(
    ("touchpoint", "english", "french"),
    [
        ("after-purchase", "after a purchase", "après achat"),
        ("Livraison", "after a delivery", "après livraison"),
        ("helpdesk", "after a support request", "après une demande d’assistance"),
        ("q3_vip-wave", "q3 vip wave", "q3 vip wave"),
    ],
)
def test_a_touchpoint_is_named_in_the_readers_language(touchpoint, english, french):
    assert (touchpoint_label(touchpoint, "en"), touchpoint_label(touchpoint, "fr")) == (english, french)


def test_a_name_is_one_short_line_without_separators():
    assert readable_name("after-purchase_2026\r\nx") == "after purchase 2026 x"
    assert len(readable_name("x" * 200)) == 80


@pytest.mark.parametrize(
    ("tag", "language", "label"),
    [("fr", "en", "French"), ("en", "fr", "anglais"), ("fr-CA", "en", "French (Canada)"), ("??", "en", "??")],
)
def test_a_language_is_named_in_the_readers_language(tag, language, label):
    assert language_label(tag, language) == label


def test_every_action_has_a_label_in_every_language():
    for action in get_args(Action):
        assert action_label(action, "en") != action_label(action, "fr")


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
