import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps_connect.sanitization import (
    disarm_links,
    disarm_mentions,
    one_line,
    remove_control_characters,
    sanitize_comment,
    sanitize_greeting_name,
    sanitize_text,
)

ANY_TEXT = st.text(alphabet=st.characters())
BIDI_CONTROLS = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Every character with the Unicode property Bidi_Control."""
TAGS = {chr(code) for code in range(0xE0000, 0xE0080)}
LETTERS = st.characters(categories=["L", "M", "N", "P", "S"], include_characters=" \u200c\u200d")
"""What names and comments consist of, in every script; joiners belong to emoji and to Persian and Indic spelling."""


@given(ANY_TEXT)
def test_sanitized_text_has_no_control_characters_and_can_be_encoded(text):
    cleaned = sanitize_text(text)
    assert all(char in "\n\t" or unicodedata.category(char) not in {"Cc", "Cs"} for char in cleaned)
    assert not (BIDI_CONTROLS | TAGS) & set(cleaned)
    cleaned.encode()


@given(st.text(alphabet=LETTERS))
def test_letters_of_every_script_are_preserved(text):
    assert sanitize_text(text) == unicodedata.normalize("NFC", text).strip()
    assert remove_control_characters(text) == text


@given(ANY_TEXT)
def test_sanitizing_is_idempotent(text):
    assert sanitize_text(sanitize_text(text)) == sanitize_text(text)
    assert sanitize_comment(sanitize_comment(text)) == sanitize_comment(text)


@given(ANY_TEXT, st.integers(min_value=1, max_value=50))
def test_a_title_is_one_short_line(text, max_length):
    line = one_line(text, max_length)
    assert len(line) <= max_length
    assert not set("\r\n\t") & set(line)


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("two\r\nlines\rthree\u2028four", "two\nlines\nthree\nfour"),
        ("nul\x00 bell\x07 escape\x1b[31m", "nul bell escape[31m"),
        ("\u202eevil\u202c", "evil"),
        ("e\u0301te\u0301", "été"),
        ("<b>5 > 3 & 2</b>", "<b>5 > 3 & 2</b>"),
        ("👩‍👩‍👧 שלום", "👩‍👩‍👧 שלום"),
        ("محمد \u200f\u202bعلي", "محمد علي"),
        ("c1 \x9b31m\x85end", "c1 31m\nend"),
        ("tags\U000e0041\U000e0042", "tags"),
    ],
)
def test_visible_text_is_preserved(raw, cleaned):
    assert sanitize_comment(raw) == cleaned


def test_a_comment_is_truncated_to_5000_characters():
    assert sanitize_comment("é" * 1_000_000) == "é" * 5000


@pytest.mark.parametrize("empty", [None, "", "  \n ", "\x00\u202e"])
def test_an_empty_comment_is_none(empty):
    assert sanitize_comment(empty) is None


def test_a_long_title_ends_with_an_ellipsis():
    assert one_line("abcdef", 4) == "abc…"


@pytest.mark.parametrize(
    "name",
    [
        "Win now: https://x.example.com",
        "ww\u202ew.example.com",
        "www.example.com",
        "a@example.com",
        "Click x.example.com/free",
        " ",
        None,
    ],
)
def test_a_name_with_an_address_is_not_used(name):
    assert sanitize_greeting_name(name) is None


@pytest.mark.parametrize("name", ["Marie Martin", "J. R. O’Neil", "Jean-Luc d’Arc", "李小龍"])
def test_real_names_are_used(name):
    assert sanitize_greeting_name(name) == name


@given(ANY_TEXT)
def test_a_disarmed_text_mentions_nobody(text):
    disarmed = disarm_mentions(f"@everyone {text}<!channel> <@U123> @here.")
    assert not set("<>") & set(disarmed)
    assert "@everyone" not in disarmed
    assert "@here" not in disarmed


@pytest.mark.parametrize(
    ("raw", "disarmed"),
    [
        ("@everyone look", "＠everyone look"),
        ("<!channel> <@U123>", "‹!channel› ‹＠U123›"),
        ("write to anna@example.com", "write to anna@example.com"),
        ("x@here.example.com x@EVERYONE", "x＠here.example.com x＠EVERYONE"),
    ],
)
def test_mentions_are_disarmed_and_mailboxes_stay(raw, disarmed):
    assert disarm_mentions(raw) == disarmed


@pytest.mark.parametrize(
    ("raw", "disarmed"),
    [
        ("see https://www.example.com/x?a=1", "see https[:]//www[.]example[.]com/x?a=1"),
        ("[win](http://192.0.2.1/x)", "[win](http[:]//192.0.2.1/x)"),
        ("example.com", "example[.]com"),
        ("It cost 3.50. Never again, e.g. Monday.", "It cost 3.50. Never again, e.g. Monday."),
    ],
)
def test_links_are_disarmed_and_sentences_stay(raw, disarmed):
    assert disarm_links(raw) == disarmed
