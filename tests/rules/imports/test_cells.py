"""Parsing of cells; nothing is guessed or rounded."""

from contextlib import suppress
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps_connect.rules.imports import cells
from nps_connect.rules.imports.columns import ColumnNotFound, find_columns
from nps_connect.rules.imports.fields import PEOPLE_FIELDS, RESPONSE_FIELDS
from nps_connect.rules.imports.layouts import LAYOUTS, recognize_layout

PARIS = ZoneInfo("Europe/Paris")


@pytest.mark.parametrize("text", ["marie@example.com", " Marie@Example.COM ", "jérôme@exämple.example.com", "a+b@c.de"])
def test_valid_addresses_are_unchanged(text):
    assert cells.parse_address(text) == text.strip()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "marie",
        "marie@",
        "@example.com",
        "marie@localhost",
        "a@b@example.com",
        "Marie <marie@example.com>",
        "marie@example.com;paul@example.com",
        "marie dupont@example.com",
        "marie@example..com",
        "marie@.example.com",
        "x" * 65 + "@example.com",
        "marie@" + "x" * 250 + ".com",
    ],
)
def test_invalid_addresses_are_refused(text):
    with pytest.raises(ValueError, match="e-mail address"):
        cells.parse_address(text)


@pytest.mark.parametrize("char", ["\u200b", "\u200d", "\ufeff", "\u00ad", "\u202e", "\x07", "\U000e0041"])
@pytest.mark.parametrize("address", ["{}marie@example.com", "marie{}@example.com", "marie@example.com{}"])
def test_addresses_with_invisible_characters_are_refused(char, address):
    with pytest.raises(ValueError, match=rf"with an invisible character \(U\+{ord(char):04X}\): type it again"):
        cells.parse_address(address.format(char))


@pytest.mark.parametrize("score", range(11))
def test_scores_are_integers_from_0_to_10(score):
    assert cells.parse_score(f" {score} ") == score


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("Extremely likely - 10", 10),
        ("Not at all likely - 0", 0),
        ("10 - Très probable", 10),
        ("0 (not at all)", 0),
        ("Pas du tout probable (0)", 0),
        ("10: Extremely likely", 10),
        ("7 – plutôt probable", 7),
    ],
)
def test_scores_can_have_a_label_that_is_set_apart(text, score):
    assert cells.parse_score(text) == score


@pytest.mark.parametrize(
    "text", ["4 stars", "9 - 10", "8 or 9", "9/10 - good", "- 5", "likely -5", "good - 11", "(9)", "Q1: 9", "10 - 10 -"]
)
def test_other_numbers_with_words_are_refused(text):
    with pytest.raises(ValueError, match="not an integer from 0 to 10"):
        cells.parse_score(text)


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("Extremely likely", 10),
        ("Très probable", 10),
        ("10/10", 10),
        ("10 stars", 10),
        ("Not at all likely", 0),
        ("Very unlikely", 0),
        ("Pas du tout probable", 0),
        ("0 %", 0),
        ("9/10", None),
        ("5 stars", None),
        ("no answer", None),
        ("", None),
    ],
)
def test_an_invalid_score_can_stand_for_an_end_of_the_scale(text, end):
    assert cells.implied_end(text) == end


@pytest.mark.parametrize("text", ["", "11", "-1", "9.0", "9,5", "08", "+9", "٩", "９", "neuf", "10/10", "NaN"])
def test_other_scores_are_refused(text):
    with pytest.raises(ValueError, match="not an integer from 0 to 10"):
        cells.parse_score(text)


@given(st.text(max_size=12))
def test_any_text_is_a_score_or_refused(text):
    with suppress(ValueError):
        assert 0 <= cells.parse_score(text) <= 10


AT = datetime(2026, 1, 31, 13, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("2026-01-31T13:05:00Z", None),
        ("2026-01-31 14:05", None),
        ("2026-01-31T14:05:00.123+01:00", None),
        ("2026-01-31 13:05:00 UTC", None),
        ("2026-01-31 13:05:00 +0000", None),
        ("2026/1/31 14:05:00", None),
        ("31/01/2026 14:05", "day-first"),
        ("31/01/2026 14h05", "day-first"),
        ("31.01.2026 à 14:05", "day-first"),
        ("1/31/2026 2:05:00 PM", "month-first"),
        ("31/1/2026 2:05:00 p. m.", "day-first"),
        ("2026/01/31 2:05:00 p.m. GMT+1", None),
        ("2026/01/31 2:05:00 PM GMT+1", None),
        ("2026-01-31 14:05 UTC+1", None),
        ("2026-01-31 14:05 +1", None),
        ("2026-01-31 18:35 +5:30", None),
        ("2026-01-31 10:05 GMT−3", None),
        ("2026-01-31 14:05 Europe/Paris", None),
        ("2026-01-31 10:05 America/Argentina/Buenos_Aires", None),
        ("2026-01-31 14:05:00 CET", None),
        ("1/31/2026 8:05 AM EST", "month-first"),
        ("1769864700", None),
        ("1769864700000", None),
    ],
)
def test_moments_of_other_tools_are_parsed(text, order):
    assert cells.parse_moment(text, order, PARIS).replace(microsecond=0) == AT


def test_date_without_time_is_midnight_in_the_zone():
    assert cells.parse_moment("31/01/2026", "day-first", PARIS) == datetime(2026, 1, 30, 23, tzinfo=UTC)


def test_ambiguous_local_time_is_the_first():
    assert cells.parse_moment("2026-10-25 02:30", None, PARIS) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hier",
        "31/13/2026",
        "2026-02-30",
        "2026-01-31 25:00",
        "2026-01-31 13:05 PM",
        "2026-01-31 13:05 +1:75",
        "12",
        "20260131",
        "1/2",
    ],
)
def test_invalid_moments_are_refused(text):
    with pytest.raises(ValueError, match=r"not an existing day or time|not a date"):
        cells.parse_moment(text, "day-first", PARIS)


@pytest.mark.parametrize("zone", ["IST", "BST", "No/Where", "+99"])
def test_time_zones_without_one_meaning_are_refused(zone):
    with pytest.raises(ValueError, match="not a time zone with one meaning"):
        cells.parse_moment(f"2026-01-31 14:05 {zone}", None, PARIS)


def test_a_hyphen_after_a_date_is_not_an_offset():
    with pytest.raises(ValueError, match="not a"):
        cells.parse_moment("2026-01-31-5", None, PARIS)


def test_ambiguous_day_order_is_refused():
    assert cells.is_ambiguous_date("03/04/2026")
    assert not cells.is_ambiguous_date("04/04/2026")
    with pytest.raises(ValueError, match="ambiguous"):
        cells.parse_moment("03/04/2026", None, PARIS)
    assert cells.proven_day_order("31/01/2026") == "day-first"
    assert cells.proven_day_order("01/31/2026") == "month-first"
    assert cells.proven_day_order("03/04/2026") is None


@given(st.text(max_size=30) | st.datetimes().map(str), st.sampled_from([None, "day-first", "month-first"]))
def test_any_text_is_a_moment_or_refused(text, order):
    with suppress(ValueError):
        assert cells.parse_moment(text, order, PARIS).tzinfo is UTC


@given(st.datetimes(timezones=st.just(UTC)))
def test_moment_with_time_zone_round_trips(at):
    assert cells.parse_moment(at.isoformat(), None, PARIS) == at.replace(microsecond=0)
    assert cells.has_time_zone(at.isoformat())
    assert not cells.has_time_zone(at.replace(tzinfo=None).isoformat())


@pytest.mark.parametrize(
    ("text", "tag"), [("FR", "fr"), ("fr_FR", "fr-FR"), ("en-GB", "en-GB"), ("français", None), ("", None)]
)
def test_language_is_a_tag_or_none(text, tag):
    assert cells.parse_language(text) == tag


def test_french_and_english_headers_are_recognised():
    french = find_columns(("Prénom", "Nom", "Adresse e-mail", "Ville"), PEOPLE_FIELDS, {}, {})
    assert french.values(("Zoé", "Martin", "zoe@example.com", "Lyon")) == {
        "first_name": "Zoé",
        "name": "Martin",
        "email": "zoe@example.com",
    }
    assert french.unused == ("Ville",)
    english = find_columns(("Email", "Score", "Comment", "Created At", "Response ID"), RESPONSE_FIELDS, {}, {})
    assert english.missing("email", "score", "comment", "answered_at", "id") == []


def test_given_column_name_is_normalised():
    given_ = find_columns(("Mail pro", "Mail"), PEOPLE_FIELDS, {"email": "mail PRO"}, {})
    assert given_.index_by_field["email"] == 0
    with pytest.raises(
        ColumnNotFound, match=r"there is no column 'E-Mail' for email.*; the file has 'Mail pro', 'Mail'"
    ):
        find_columns(("Mail pro", "Mail"), PEOPLE_FIELDS, {"email": "E-Mail"}, {})
    with pytest.raises(ColumnNotFound, match="there are several columns 'Mail'"):
        find_columns(("Mail", "Mail"), PEOPLE_FIELDS, {"email": "Mail"}, {})


def test_duplicate_column_names_are_refused():
    assert find_columns(("Email", "Email"), PEOPLE_FIELDS, {}, {}).missing("email") == ["email"]


HEADERS = {
    "qualtrics": "StartDate,EndDate,Status,RecordedDate,ResponseId,RecipientLastName,RecipientFirstName,RecipientEmail,"
    "UserLanguage,Q1",
    "nps-connect": "id,survey,touchpoint,scale,score,segment,comment,language,answered_at,contact,email,name",
    "asknicely": "response_id,person_id,name,email,answer,comment,note,status,sent,opened,responded,question_type",
    "delighted": "id,person,email,survey_type,score,comment,permalink,created_at,updated_at",
    "surveymonkey": "Respondent ID,Collector ID,Start Date,End Date,IP Address,Email Address,First Name,Last Name,Q1",
    "typeform": "#,How likely?,Why?,Response Type,Start Date (UTC),Stage Date (UTC),Submit Date (UTC),Network ID,Tags",
}


@pytest.mark.parametrize("preset", HEADERS)
def test_preset_finds_the_columns_of_its_tool(preset):
    header = HEADERS[preset].split(",")
    layout = recognize_layout(LAYOUTS, preset, header)
    mapping = find_columns(header, RESPONSE_FIELDS, {}, layout.columns)
    columns = {name: header[place] for name, place in mapping.index_by_field.items()}
    named = {name for name, names in layout.columns.items() if set(names) & set(header)}
    assert all(columns[name] in layout.columns[name] for name in named)
