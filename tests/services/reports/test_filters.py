"""Filters become URLs and come back; bad ones are refused with the name of the parameter."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps_connect.records.users import Viewer
from nps_connect.services.reports.filters import NO_TEAM, FilterQueryError, ResponseFilter, restrict

PARIS = ZoneInfo("Europe/Paris")
texts = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1, max_size=30)
days = st.dates(date(2000, 1, 1), date(2030, 1, 1))

filters = st.builds(
    ResponseFilter,
    survey=st.none() | texts,
    touchpoint=st.none() | texts,
    language=st.none() | texts,
    collected_by=st.none() | texts,
    segment=st.sampled_from([None, "promoter", "passive", "detractor"]),
    score=st.none() | st.integers(0, 10),
    team=st.none() | texts,
    has_comment=st.none() | st.booleans(),
    text=st.none() | texts,
    dimensions=st.dictionaries(texts, texts | st.just(""), max_size=3),
)


@given(filters, st.none() | days, st.none() | days)
def test_a_filter_comes_back_from_its_url(response_filter, first, second):
    start, end = sorted([first, second]) if first and second and first != second else (first, None)
    response_filter = response_filter.during(start, end, PARIS)
    query = {"page": "3", "empty": "", **response_filter.to_query(PARIS)}
    assert ResponseFilter.from_query(query, PARIS) == response_filter


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ({"from": "yesterday"}, "from: a day such as"),
        ({"until": "0001-01-01"}, "until: a day such as"),
        ({"from": "2026-02-01", "until": "2026-01-31"}, "until: lies before from"),
        ({"segment": "happy"}, "segment: one of promoter"),
        ({"score": "11"}, "score: one of 0"),
        ({"comment": "maybe"}, "comment: one of yes"),
        ({"survey": "x" * 201}, "survey: longer than 200"),
        ({"q": "a\x00b"}, "'q': not a text"),
        ({f"d.n{index}": "x" for index in range(21)}, "at most 20 dimensions"),
    ],
)
def test_bad_parameters_are_refused(query, problem):
    with pytest.raises(FilterQueryError, match=problem):
        ResponseFilter.from_query(query, PARIS)


def test_groups_are_set_and_removed():
    response_filter = ResponseFilter().with_group("language", "fr").with_group("location", "Lyon")
    assert response_filter.groups == {"language": "fr", "location": "Lyon"}
    assert response_filter.with_group("location", None).with_group("language", None) == ResponseFilter()


@pytest.mark.parametrize(
    ("role", "own", "asked_for", "team"),
    [
        ("team_viewer", "lyon", None, "lyon"),
        ("team_viewer", "lyon", "lyon", "lyon"),
        ("team_viewer", "lyon", "paris", NO_TEAM),
        ("team_viewer", None, None, NO_TEAM),
        ("viewer", None, None, None),
        ("admin", None, "paris", "paris"),
    ],
)
def test_a_viewer_of_a_team_reads_that_team_only(role, own, asked_for, team):
    viewer = Viewer("u", "Ana", "ana@example.com", role, own)
    assert restrict(ResponseFilter(team=asked_for), viewer).team == team
