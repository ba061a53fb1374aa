"""Bot signals of all visits of one survey together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from nps_connect.rules.bot_detection import BOT_SIGNALS, PageVisit, combine_signals

BEGIN = datetime(2026, 11, 20, 9, tzinfo=UTC)
VISITS = st.lists(
    st.tuples(
        st.builds(
            PageVisit,
            method=st.sampled_from(["GET", "HEAD", "POST"]),
            at=st.integers(0, 10**6).map(lambda seconds: BEGIN + timedelta(seconds=seconds)),
            score=st.none() | st.integers(0, 10),
        ),
        st.lists(st.sampled_from(BOT_SIGNALS), unique=True),
    ),
    max_size=8,
)


def opened(*scores: int | None, method: str = "GET") -> list[tuple[PageVisit, tuple[()]]]:
    """Return visits one hour apart."""
    return [(PageVisit(method, BEGIN + timedelta(hours=hour), score), ()) for hour, score in enumerate(scores)]


def test_two_opened_scores_are_no_signal_and_three_are():
    assert combine_signals(opened(4, None, 2, 4)) == ()
    assert combine_signals(opened(4, 2, 3)) == ("many",)


def test_many_opened_scores_with_a_submission_are_no_signal():
    assert combine_signals([*opened(1, 2, 3), *opened(3, method="POST")]) == ()


def test_no_visits_have_no_signals():
    assert combine_signals([]) == ()


@given(VISITS, VISITS)
def test_a_later_visit_removes_no_signal(before, after):
    assert set(combine_signals(before)) - {"many"} <= set(combine_signals(before + after))
    assert combine_signals(before + after) == combine_signals(after + before)
