"""Daily figures: every confirmed response counts once, on its day in the company's zone, also after it is gone."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update
from support.application import ApplicationHarness
from support.clean_db import delete_all_rows
from support.clock import START, ManualClock
from support.hypothesis_settings import ledger_settings

from nps_connect.ledger.daily_figures import DailyFigureRow
from nps_connect.ledger.tables import ResponseRow
from nps_connect.rules.imports.row_errors import RowErrors
from nps_connect.services.imports.match_contacts import ImportTarget
from nps_connect.services.imports.people import ImportedPerson
from nps_connect.services.imports.response_rows import ImportedResponse
from nps_connect.services.imports.store_responses import store_responses
from nps_connect.services.operations.figures import correct_figures, find_differences
from nps_connect.services.operations.retention import STEP_INTERVAL, apply_retention

PEOPLE = ("1", "2", "3")


def stored_scores(application) -> Counter:
    """Return the counts that are not 0 by day and score."""
    query = select(DailyFigureRow).where(DailyFigureRow.dimension == "touchpoint")
    with application.ledger.read() as session:
        rows = session.execute(query).scalars().all()
    assert {(row.survey, row.dimensions, row.scale) for row in rows} <= {
        ("after-purchase", '{"touchpoint":"after-purchase"}', "nps-0-10")
    }
    return +Counter({(row.day.isoformat(), int(row.value)): row.count for row in rows})


def differences(application):
    return find_differences(application.ledger, application.ctx.settings.core.zone, application.ctx.dimensions)


def correct(application):
    return correct_figures(application.ledger, application.ctx.settings.core.zone, application.ctx.dimensions)


def test_a_response_counts_on_its_day_in_the_company_s_zone(application):
    token = application.surveyed()
    application.clock.now = datetime(2026, 11, 25, 23, 30, tzinfo=UTC)  # half past midnight in Paris
    application.answer(token, 9)
    assert stored_scores(application) == {("2026-11-26", 9): 1}


def test_a_revision_moves_the_response_to_its_new_day_and_score(application):
    token = application.surveyed()
    application.answer(token, 9)
    application.clock.forward("1d")
    application.answer(token, 3, "Non")
    application.answer(token, 3, "Non")
    assert stored_scores(application) == {("2026-11-21", 3): 1}
    assert differences(application) == []


def test_a_page_view_and_a_provisional_score_count_for_nothing(application):
    application.show(application.surveyed(), application.visit(score=0))
    assert stored_scores(application) == {}


def test_conflicting_scores_count_for_nothing_until_the_next_submission(application):
    token = application.surveyed()
    application.answer(token, 9)
    application.clock.forward("1s")
    application.answer(token, 2)
    with application.ledger.read() as session:
        assert session.execute(select(ResponseRow.conflicting_at)).scalar() is not None
    assert stored_scores(application) == {}
    application.clock.forward("1h")
    application.answer(token, 2)
    assert stored_scores(application) == {("2026-11-20", 2): 1}
    assert differences(application) == []


def test_imported_responses_count_on_the_day_on_which_they_were_given(application):
    person = ImportedPerson(1, "zoe@example.com", None, "Zoé", None)
    answered_at = datetime(2026, 2, 27, 23, 59, tzinfo=UTC)
    responses = [ImportedResponse(f"i-{number:024x}", person, 7, None, answered_at, False, None) for number in (1, 2)]
    for _ in range(2):  # the second time, they are stored already
        target = ImportTarget("after-purchase", "crm", lookup_enabled=False)
        store_responses(application.ctx, target, responses, Counter(), RowErrors())
    assert stored_scores(application) == {("2026-02-28", 7): 2}
    assert differences(application) == []


def test_differences_are_told_and_corrected(application):
    application.answer(application.surveyed(), 9)
    with application.ledger.write() as session:
        is_counted = DailyFigureRow.dimension == "touchpoint"
        session.execute(update(DailyFigureRow).where(is_counted).values(count=4, value="8"))
    too_many, missing = differences(application)
    assert too_many.problem == (
        'the figure of 2026-11-20 for score 8 of survey \'after-purchase\' {"touchpoint":"after-purchase"} is 4; the '
        "responses give 0"
    )
    assert (missing.figure.value, missing.stored, missing.actual) == ("9", 0, 1)
    assert correct(application) == [too_many, missing]
    assert (stored_scores(application), correct(application)) == ({("2026-11-20", 9): 1}, [])


def test_a_change_of_the_company_s_zone_moves_the_days(ledger, clock):
    application = ApplicationHarness(ledger, clock)
    token = application.surveyed()
    application.clock.now = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
    application.answer(token, 9)
    moved = ApplicationHarness(ledger, clock, {"core": {"timezone": "Pacific/Auckland"}})
    assert len(correct(moved)) == 2 * len(("touchpoint", "language", "collected_by"))
    assert stored_scores(moved) == {("2026-11-26", 9): 1}


steps = st.lists(
    st.one_of(
        st.tuples(st.just("answer"), st.sampled_from(PEOPLE), st.integers(0, 10)),
        st.tuples(st.just("erase"), st.sampled_from(PEOPLE)),
        st.tuples(st.just("wait"), st.sampled_from(["11h", "9d", "100d", "401d"])),
        st.tuples(st.just("retention")),
    ),
    max_size=14,
)


@ledger_settings(6)
@given(steps=steps)
def test_the_figures_are_those_of_all_responses_with_nothing_deleted(ledger, steps):
    application = ApplicationHarness(delete_all_rows(ledger), ManualClock(START))
    tokens = {person: application.surveyed(person, f"person-{person}@example.com") for person in PEOPLE}
    newest: dict[str, tuple[str, int]] = {}
    for step in steps:
        application.clock.forward("1m")  # two scores within seconds conflict
        match step:
            case "answer", person, score:
                is_accepted = application.answer(tokens[person], score).state == "answered"
                if is_accepted and (person not in newest or newest[person][1] != score):
                    day = application.clock().astimezone(application.ctx.settings.core.zone).date()
                    newest[person] = day.isoformat(), score
            case "erase", person:
                fact = {"id": person, "kind": "contact.privacy_deleted", "at": application.clock().isoformat()}
                application.webhook(fact)
                application.run(only="crm/")
            case "wait", period:
                application.clock.forward(period)
            case ("retention",):
                progress: dict = {}
                while apply_retention(application.ctx, progress) == STEP_INTERVAL:
                    application.clock.forward(timedelta(seconds=1))
        application.run()
    assert stored_scores(application) == Counter(newest.values())
    assert differences(application) == []
