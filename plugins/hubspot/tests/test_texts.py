"""The customer's own words: never too long, never cut within a character, harmless as HTML and in exports."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps_connect_hubspot.contact_records import language_tag
from nps_connect_hubspot.score_properties import format_moment, parse_moment
from nps_connect_hubspot.texts import ELLIPSIS, to_html, truncate

TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=80) | st.text(
    "a&<>😞é\u0301\n\u200d👩🏽", max_size=80
)


def units(text):
    return len(text.encode("utf-16-le")) // 2


@given(TEXTS, st.integers(min_value=1, max_value=60))
def test_a_cut_text_fits_and_is_a_beginning(text, limit):
    short = truncate(text, limit)
    assert units(short) <= limit
    guarded = text if not text.startswith(("=", "+", "-", "@", "\t", "\r")) else f"'{text}"
    assert short == guarded or guarded.startswith(short.removesuffix(ELLIPSIS))
    short.encode("utf-8")  # no half characters


@given(TEXTS, st.integers(min_value=8, max_value=60))
def test_html_fits_and_holds_no_markup_and_no_broken_entity(text, limit):
    made = to_html(text, limit)
    assert units(made) <= limit
    assert re.findall(r"<(?!br>)|&(?!(amp|lt|gt|quot|#x27);)", made) == []
    shown = html.unescape(made.replace("<br>", "\n"))
    told = text.replace("\r\n", "\n")
    assert shown == told or told.startswith(shown.removesuffix(ELLIPSIS).rstrip("\r"))


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("abcdef", 6, "abcdef"),
        ("abcdefg", 6, "abcde…"),
        ("ab😞cd", 4, "ab…"),
        ("abe\u0301fg", 4, "ab…"),
        ("ab👩\u200d👩\u200d👧xyz", 6, "ab…"),
        ("a👍🏽bcd", 4, "a…"),
    ],
)
def test_characters_stay_whole(text, limit, expected):
    assert truncate(text, limit) == expected


@pytest.mark.parametrize("text", ["=1+1", "+33 1", "-2+3", "@SUM(A1)", "\t=1", "\r=1"])
def test_what_a_spreadsheet_would_run_is_disarmed(text):
    assert truncate(text) == f"'{text}"


@pytest.mark.parametrize(
    ("told", "tag"),
    [
        ("fr", "fr"),
        ("EN", "en"),
        ("pt-br", "pt-BR"),
        ("zh_cn", "zh-CN"),
        ("zh-hans", "zh-hans"),
        ("", None),
        ("French", None),
    ],
)
def test_languages(told, tag):
    assert language_tag(told) == tag


@given(st.datetimes(timezones=st.timezones()))
def test_moments_come_back(moment):
    try:
        told = format_moment(moment)
    except OverflowError:
        return
    assert abs((parse_moment(told) - moment).total_seconds()) < 0.001


@pytest.mark.parametrize("text", ["", None, "soon", "9" * 30, "2026-13-01"])
def test_what_is_no_moment(text):
    assert parse_moment(text) is None


def test_milliseconds_are_a_moment_too():
    assert format_moment(parse_moment("1693657560123")) == "2023-09-02T12:26:00.123Z"
