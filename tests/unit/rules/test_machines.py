"""What all visits of one survey tell together of whether a machine came."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from nps_connect.rules.machines import SIGNS, Opening, all_signs

BEGIN = datetime(2026, 11, 20, 9, tzinfo=UTC)
VISITS = st.lists(
    st.tuples(
        st.builds(
            Opening,
            method=st.sampled_from(["GET", "HEAD", "POST"]),
            at=st.integers(0, 10**6).map(lambda seconds: BEGIN + timedelta(seconds=seconds)),
            score=st.none() | st.integers(0, 10),
        ),
        st.lists(st.sampled_from(SIGNS), unique=True),
    ),
    max_size=8,
)


def opened(*scores: int | None, method: str = "GET") -> list[tuple[Opening, tuple[()]]]:
    """Opened one an hour."""
    return [(Opening(method, BEGIN + timedelta(hours=hour), score), ()) for hour, score in enumerate(scores)]


def test_two_scores_are_a_change_of_mind_and_three_are_a_machine_s():
    assert all_signs(opened(4, None, 2, 4)) == ()
    assert all_signs(opened(4, 2, 3)) == ("many",)


def test_who_presses_may_have_looked_at_every_score():
    assert all_signs([*opened(1, 2, 3), *opened(3, method="POST")]) == ()


def test_nobody_came():
    assert all_signs([]) == ()


@given(VISITS, VISITS)
def test_no_later_visit_wipes_a_sign_off(before, after):
    assert set(all_signs(before)) - {"many"} <= set(all_signs(before + after))
    assert all_signs(before + after) == all_signs(after + before)
