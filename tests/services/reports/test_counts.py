"""Counts are those of a plain list of responses, from the daily figures as from the responses."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.application import ApplicationHarness
from support.clean_db import delete_all_rows
from support.clock import START, ManualClock
from support.hypothesis_settings import ledger_settings
from support.report_scenarios import GROUPED, GivenResponse, store_given

from nps_connect.services.reports import counts
from nps_connect.services.reports.filters import ResponseFilter

PARIS = ZoneInfo("Europe/Paris")
FIRST, LAST = datetime(2026, 3, 25, tzinfo=UTC), datetime(2026, 4, 5, tzinfo=UTC)
"""Clocks go forward in Paris on 2026-03-29."""

SEGMENTS = {"detractor": range(7), "passive": (7, 8), "promoter": (9, 10)}

responses = st.builds(
    GivenResponse,
    at=st.integers(0, int((LAST - FIRST).total_seconds()) // 1800).map(
        lambda halves: FIRST + halves * timedelta(minutes=30)
    ),
    score=st.integers(0, 10),
    survey=st.sampled_from(["after-purchase", "yearly"]),
    touchpoint=st.sampled_from(["delivery", "visit"]),
    language=st.sampled_from(["fr", "en"]),
    collected_by=st.sampled_from(["web", "phone"]),
    comment=st.sampled_from([None, "Bien"]),
    location=st.sampled_from([None, "Lyon", "Nice"]),
    owner=st.sampled_from([None, "ana", "bob"]),
)
filters = st.fixed_dictionaries(
    {},
    optional={
        "survey": st.sampled_from(["after-purchase", "yearly"]),
        "touchpoint": st.just("delivery"),
        "language": st.just("fr"),
        "collected_by": st.just("phone"),
        "team": st.sampled_from(["lyon", "south"]),
        "segment": st.sampled_from(list(SEGMENTS)),
        "score": st.integers(0, 10),
        "has_comment": st.booleans(),
        "dimensions": st.fixed_dictionaries({}, optional={"location": st.sampled_from(["Lyon", ""]), "owner": st.just("ana")}),
        "days": st.tuples(st.integers(0, 6), st.integers(1, 6)),
        "hour": st.integers(0, 200),
    },
)  # fmt: skip


def accepts(given: GivenResponse, wanted: dict) -> bool:
    """Return whether a response passes a filter, in plain Python."""
    day = given.at.astimezone(PARIS).date()
    first, length = wanted.get("days", (None, None))
    return all(
        (
            first is None or 0 <= (day - FIRST.date()).days - first < length,
            "hour" not in wanted or given.at >= FIRST + timedelta(hours=wanted["hour"]),
            *(wanted.get(name) in (None, getattr(given, name)) for name in ("survey", "touchpoint", "language")),
            wanted.get("collected_by") in (None, given.collected_by),
            wanted.get("team") is None or wanted["team"] in given.teams,
            wanted.get("segment") is None or given.score in SEGMENTS[wanted["segment"]],
            wanted.get("score") in (None, given.score),
            wanted.get("has_comment") in (None, given.comment is not None),
            *((getattr(given, name) or "") == value for name, value in wanted.get("dimensions", {}).items()),
        )
    )


def build_filter(wanted: dict) -> ResponseFilter:
    plain = {name: value for name, value in wanted.items() if name not in ("days", "hour")}
    response_filter = ResponseFilter(**plain)
    if "days" in wanted:
        first = FIRST.date() + timedelta(days=wanted["days"][0])
        response_filter = response_filter.during(first, first + timedelta(days=wanted["days"][1]), PARIS)
    if "hour" in wanted:
        start = FIRST + timedelta(hours=wanted["hour"])
        start = max(start, response_filter.start or start)
        response_filter = ResponseFilter(**{**vars(response_filter), "start": start})
    return response_filter


def by_score(given: list[GivenResponse]) -> tuple[int, ...]:
    numbers = Counter(response.score for response in given)
    return tuple(numbers[score] for score in range(11))


@ledger_settings(12)
@given(given=st.lists(responses, max_size=25), wanted=st.lists(filters, min_size=3, max_size=6))
def test_counts_equal_those_of_a_plain_list(ledger, given, wanted):
    application = ApplicationHarness(delete_all_rows(ledger), ManualClock(START), GROUPED)
    store_given(application, given)
    with ledger.read() as session:
        for choice in wanted:
            accepted = [response for response in given if accepts(response, choice)]
            response_filter = build_filter(choice)
            assert counts.count_scores(session, PARIS, response_filter).by_score == by_score(accepted)
            for dimension in ("survey", "language", "location", "owner"):
                expected = {getattr(response, dimension) or "" for response in accepted}
                counted = counts.count_by_dimension(session, PARIS, response_filter, dimension)
                assert {name: group.by_score for name, group in counted.items()} == {
                    name: by_score([response for response in accepted if (getattr(response, dimension) or "") == name])
                    for name in expected
                }
            by_team = counts.count_by_dimension(session, PARIS, response_filter, "team")
            assert {name: group.responses for name, group in by_team.items()} == Counter(
                team for response in accepted for team in response.teams
            )


@ledger_settings(10)
@given(given=st.lists(responses, max_size=25), wanted=filters, unit=st.sampled_from(["day", "week", "month"]))
def test_buckets_hold_the_days_of_the_company_s_zone(ledger, given, wanted, unit):
    application = ApplicationHarness(delete_all_rows(ledger), ManualClock(START), GROUPED)
    store_given(application, given)
    choice = {**wanted, "days": wanted.get("days", (0, 11))}
    choice.pop("hour", None)
    accepted = [response for response in given if accepts(response, choice)]
    with ledger.read() as session:
        buckets = counts.count_by_bucket(session, PARIS, build_filter(choice), unit)
        by_shop = counts.count_by_dimension_and_bucket(session, PARIS, build_filter(choice), "location", unit)
    assert [bucket.counts.by_score for bucket in buckets] == [
        by_score([r for r in accepted if bucket.start <= r.at.astimezone(PARIS).date() < bucket.end])
        for bucket in buckets
    ]
    assert all(earlier.end == later.start for earlier, later in pairwise(buckets))
    for shop, of_shop in by_shop.items():
        assert sum(bucket.counts.responses for bucket in of_shop) == sum(r.location == shop for r in accepted)


def test_provisional_responses_are_counted_apart(ledger, clock):
    application = ApplicationHarness(ledger, clock, GROUPED)
    token = application.surveyed()
    clock.forward("1h")
    application.show(token, application.visit(score=3))
    with ledger.read() as session:
        counted = counts.count_scores(session, PARIS, ResponseFilter(survey="after-purchase", language="fr"))
        assert (counted.responses, counted.provisional, counted.figure().provisional_share) == (0, 1, 1.0)
        assert counts.count_scores(session, PARIS, ResponseFilter(survey="yearly")).provisional == 0
        before = ResponseFilter().during(None, date(2026, 11, 20), PARIS)
        assert counts.count_scores(session, PARIS, before).provisional == 0
    application.answer(token, 3)
    with ledger.read() as session:
        counted = counts.count_scores(session, PARIS, ResponseFilter())
    assert (counted.responses, counted.detractors, counted.provisional) == (1, 1, 0)


def test_buckets_need_a_period(ledger):
    with ledger.read() as session, pytest.raises(ValueError, match="a start and an end"):
        counts.count_by_bucket(session, PARIS, ResponseFilter(), "week")
