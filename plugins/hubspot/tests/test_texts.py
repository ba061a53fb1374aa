"""The customer's text: within the limit, never cut within a character, safe as HTML and in exports."""

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


def utf16_length(text):
    return len(text.encode("utf-16-le")) // 2


@given(TEXTS, st.integers(min_value=1, max_value=60))
def test_a_truncated_text_fits_and_is_a_prefix(text, limit):
    short = truncate(text, limit)
    assert utf16_length(short) <= limit
    expected = text if not text.startswith(("=", "+", "-", "@", "\t", "\r")) else f"'{text}"
    assert short == expected or expected.startswith(short.removesuffix(ELLIPSIS))
    short.encode("utf-8")  # no half characters


@given(TEXTS, st.integers(min_value=8, max_value=60))
def test_html_fits_and_has_no_markup_and_no_broken_entity(text, limit):
    rendered = to_html(text, limit)
    assert utf16_length(rendered) <= limit
    assert re.findall(r"<(?!br>)|&(?!(amp|lt|gt|quot|#x27);)", rendered) == []
    shown = html.unescape(rendered.replace("<br>", "\n"))
    expected = text.replace("\r\n", "\n")
    assert shown == expected or expected.startswith(shown.removesuffix(ELLIPSIS).rstrip("\r"))


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
def test_characters_are_not_split(text, limit, expected):
    assert truncate(text, limit) == expected


@pytest.mark.parametrize("text", ["=1+1", "+33 1", "-2+3", "@SUM(A1)", "\t=1", "\r=1"])
def test_spreadsheet_formulas_are_escaped(text):
    assert truncate(text) == f"'{text}"


@pytest.mark.parametrize(
    ("value", "tag"),
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
def test_language_tags(value, tag):
    assert language_tag(value) == tag


@given(st.datetimes(timezones=st.timezones()))
def test_times_survive_a_round_trip(moment):
    try:
        formatted = format_moment(moment)
    except OverflowError:
        return
    assert abs((parse_moment(formatted) - moment).total_seconds()) < 0.001


@pytest.mark.parametrize("text", ["", None, "soon", "9" * 30, "2026-13-01"])
def test_invalid_times_are_none(text):
    assert parse_moment(text) is None


def test_milliseconds_are_parsed():
    assert format_moment(parse_moment("1693657560123")) == "2023-09-02T12:26:00.123Z"
