"""The demo's history: the same for the same seed, true in its figures, finished, and told apart by shop."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import func, select
from sqlmodel import col
from support.application import ApplicationHarness
from support.clock import START, ManualClock

from nps_connect.ledger.cases import CaseRow
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.tables import DecisionRow, DeliveryRow, InvitationRow, ResponseRow
from nps_connect.records.responses import segment_of
from nps_connect.sandbox.demo_cases import DAYS_UNTIL_DUE
from nps_connect.sandbox.demo_history import insert_demo_history
from nps_connect.sandbox.demo_purchases import PROBLEM_SINCE, build_purchases
from nps_connect.sandbox.demo_rows import answered_at
from nps_connect.services.cases.call_list import load_calls
from nps_connect.services.operations.figures import find_differences


def test_same_seed_and_time_give_the_same_purchases_and_another_seed_others() -> None:
    assert build_purchases(START, 100, 1) == build_purchases(START, 100, 1)
    assert build_purchases(START, 100, 1) != build_purchases(START, 100, 2)
    assert all(answered_at(purchase) <= START for purchase in build_purchases(START, 600, 1) if purchase.score)


def test_lyon_improves_and_lille_has_a_problem() -> None:
    scores: dict[tuple[str, bool], list[int]] = {}
    for purchase in build_purchases(START, 3000, 1):
        if purchase.outcome in ("answered", "imported") and purchase.score is not None:
            is_recent = START - purchase.bought_at < PROBLEM_SINCE
            scores.setdefault((purchase.shop, is_recent), []).append(purchase.score)

    def nps(shop: str, *, recent: bool) -> float:
        segments = Counter(map(segment_of, scores[shop, recent]))
        return 100 * (segments["promoter"] - segments["detractor"]) / segments.total()

    assert nps("Lyon", recent=True) > nps("Lyon", recent=False) + 20
    assert nps("Lille", recent=True) < nps("Lille", recent=False) - 20
    assert abs(nps("Paris", recent=True) - nps("Paris", recent=False)) < 15


def test_history_is_finished_and_has_true_figures(ledger: Ledger, clock: ManualClock) -> None:
    app = ApplicationHarness(ledger, clock)
    counts = insert_demo_history(app.ctx, responses=200)
    assert not find_differences(ledger, app.ctx.settings.core.zone, app.ctx.dimensions)
    with ledger.read() as session:
        for column, values in (
            (DeliveryRow.state, {"succeeded"}),
            (CaseRow.state, {"open", "solved"}),
            (InvitationRow.state, {"sent", "imported"}),
            (DecisionRow.verdict, {"yes", "no"}),
            (ResponseRow.revision, {0, 1, 2}),
            (ResponseRow.collected_by, {"web", "phone", "paper", "import"}),
        ):
            assert set(session.execute(select(col(column)).distinct()).scalars()) == values
        query = select(func.count(), func.max(ResponseRow.answered_at)).where(col(ResponseRow.revision) > 0)
        number, newest = session.execute(query).one()
    assert counts.responses == number
    assert 150 < number < 260
    assert newest <= clock()
    app.run()
    assert not app.post.items


def test_most_cases_are_solved_some_are_due_today_and_one_is_late_since_yesterday(ledger: Ledger, clock) -> None:
    app = ApplicationHarness(ledger, clock)
    counts = insert_demo_history(app.ctx, responses=200)
    with ledger.read() as session:
        calls = load_calls(app.ctx, session)
    days = [(call.due_at.astimezone(app.ctx.settings.core.zone).date() - clock().date()).days for call in calls]
    assert sorted(days) == sorted(DAYS_UNTIL_DUE)
    assert [call.is_overdue for call in calls] == [True, False, False, False, False, False]
    assert counts.cases > 3 * len(calls)
