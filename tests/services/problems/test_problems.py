"""Problems: opened, fixed, and judged once by the answers of those concerned against those of the others."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select, update
from sqlmodel import col
from support.application import ApplicationHarness
from support.response_rows import Answer, store_answers

from nps_connect.ledger.audit_log import Actor, AuditRow
from nps_connect.ledger.comment_themes import CommentThemeRow
from nps_connect.ledger.problems import ProblemRow
from nps_connect.ledger.tables import ResponseRow
from nps_connect.ledger.upserts import insert_many
from nps_connect.services.problems.evaluate import evaluate_due_problems, load_effect
from nps_connect.services.problems.late_problems import notify_late_problems
from nps_connect.services.problems.problems import (
    NewProblem,
    close_problem,
    empty_old_notes,
    enter_fix,
    find_problem,
    open_problem,
    problem_state,
)
from nps_connect.services.problems.refusals import ProblemRefused

CONFIGURATION = {
    "core": {"dimensions": {"location": "shop", "owner": "owner"}},
    "teams": {
        "north": {"where": 'location == "Lille"', "members": [f"{name}@example.com" for name in "abc"]},
        "pair": {"where": 'location == "Lyon"', "members": [f"{name}@example.com" for name in "ab"]},
    },
    "surveys": {
        "after-purchase": {
            "follow_ups": [
                {
                    "name": "reason",
                    "on": "any",
                    "question": {"fr": "Pourquoi ?", "en": "Why?"},
                    "choices": {"fr": ["Livraison", "Prix"], "en": ["Delivery", "Price"]},
                }
            ]
        }
    },
}
STAFF = Actor("console", "claire@example.com")
TODAY = date(2026, 11, 17)  # of the clock
DAY = timedelta(days=1)
LILLE, PARIS = {"location": "Lille"}, {"location": "Paris"}


@pytest.fixture
def application(ledger, clock):
    return ApplicationHarness(ledger, clock, CONFIGURATION)


def new_problem(**values):
    values = {
        "title": "Late deliveries",
        "owner": "Paul",
        "deadline": TODAY + 14 * DAY,
        "concerned": {"d.location": "Lille"},
        "evidence_first": TODAY - 6 * DAY,
    } | values
    return NewProblem(**values)


def open_new(application, **values):
    ctx = application.ctx
    with ctx.ledger.write() as session:
        return open_problem(session, ctx.settings, new_problem(**values), actor=STAFF, now=ctx.clock()).id


def fix(application, problem_id, *, fixed_on=TODAY, days=28, note=None):
    ctx = application.ctx
    with ctx.ledger.write() as session:
        row = find_problem(session, problem_id)
        return enter_fix(
            session, ctx.settings, row, fixed_on=fixed_on, days=days, note=note, actor=STAFF, now=ctx.clock()
        )


def load(application, problem_id):
    with application.ledger.read() as session:
        row = find_problem(session, problem_id)
        session.expunge(row)
        return row


def answers(first_person, days, facts, promoters, passives, detractors, **values):
    """One answer each of different people, spread over some days."""
    scores = [10] * promoters + [8] * passives + [3] * detractors
    return [
        Answer(first_person + number, days[number % len(days)], score, facts, **values)
        for number, score in enumerate(scores)
    ]


BEFORE = [TODAY - number * DAY for number in range(7, 35)]
AFTER = [TODAY + number * DAY for number in range(1, 29)]


def test_a_fix_is_judged_against_the_others_without_the_days_that_led_to_the_problem(application, clock):
    store_answers(
        application.ctx,
        [
            *answers(1, BEFORE, LILLE, 20, 40, 40),  # -20
            *answers(201, AFTER, LILLE, 50, 30, 20),  # +30
            *answers(401, BEFORE, PARIS, 50, 30, 20),  # +30
            *answers(601, AFTER, PARIS, 55, 30, 15),  # +40
            *answers(801, [TODAY, TODAY - DAY, TODAY - 6 * DAY], LILLE, 0, 0, 90),  # the evidence
            *answers(901, [TODAY + 29 * DAY, TODAY - 35 * DAY], LILLE, 0, 0, 90),  # outside of both periods
        ],
    )
    problem_id = open_new(application)
    plan = fix(application, problem_id)
    assert plan.due_on == TODAY + 29 * DAY
    clock.forward("28d")
    assert evaluate_due_problems(application.ctx) == 0
    clock.forward("1d")
    assert evaluate_due_problems(application.ctx) == 1
    effect, figures = load_effect(load(application, problem_id).evaluation)
    assert [figure.score for figure in figures] == [-20.0, 30.0, 30.0, 40.0]
    assert [figure.responses for figure in figures] == [100] * 4
    assert (effect.verdict, effect.difference.points) == ("better", 40.0)
    assert (effect.concerned.points, effect.others.points) == (50.0, 10.0)


def test_the_answers_are_looked_at_once(application, clock):
    store_answers(application.ctx, answers(1, BEFORE, LILLE, 20, 40, 40))
    problem_id = open_new(application)
    fix(application, problem_id)
    clock.forward("29d")
    evaluate_due_problems(application.ctx)
    first = load(application, problem_id)
    assert first.evaluation["verdict"] == "too_few"
    clock.forward("1d")
    assert evaluate_due_problems(application.ctx) == 0
    assert load(application, problem_id).evaluated_at == first.evaluated_at


def test_of_each_person_the_latest_answer_of_a_period_counts(application, clock):
    person = [Answer(1, BEFORE[5], 0, LILLE), Answer(1, BEFORE[2], 10, LILLE), Answer(1, AFTER[3], 0, LILLE)]
    moved = [Answer(2, BEFORE[5], 0, LILLE), Answer(2, BEFORE[1], 10, PARIS)]
    store_answers(application.ctx, [*person, *moved])
    problem_id = open_new(application)
    fix(application, problem_id)
    clock.forward("29d")
    evaluate_due_problems(application.ctx)
    counts = load(application, problem_id).evaluation["counts"]
    assert counts == {"before": [1, 0, 0], "after": [0, 0, 1], "others_before": [1, 0, 0], "others_after": [0, 0, 0]}


def test_a_choice_is_judged_by_how_many_of_those_concerned_make_it(application, clock):
    store_answers(
        application.ctx,
        [
            *answers(1, BEFORE, LILLE, 0, 0, 60, chosen="Livraison"),
            *answers(101, BEFORE, LILLE, 140, 0, 0, chosen="Prix"),
            *answers(301, AFTER, LILLE, 0, 0, 20, chosen="Livraison"),
            *answers(401, AFTER, LILLE, 180, 0, 0),
            *answers(601, AFTER, PARIS, 0, 0, 90, chosen="Livraison"),
        ],
    )
    cause = {"question": "reason", "choice": "Livraison"}
    problem_id = open_new(application, cause_kind="choice", cause=cause)
    fix(application, problem_id)
    clock.forward("29d")
    evaluate_due_problems(application.ctx)
    effect, shares = load_effect(load(application, problem_id).evaluation)
    assert shares == (60, 200, 20, 200)
    assert (effect.verdict, effect.difference.points) == ("better", -20.0)


def test_a_theme_is_judged_by_the_share_of_comments_that_name_it(application, clock):
    named = answers(1, BEFORE, LILLE, 0, 0, 50, comment="Trop tard")
    others = answers(101, BEFORE, LILLE, 50, 0, 0, comment="Parfait") + answers(201, BEFORE, LILLE, 100, 0, 0)
    later = answers(301, AFTER, LILLE, 0, 0, 10, comment="Trop tard") + answers(401, AFTER, LILLE, 90, 0, 0)
    not_searched = answers(501, AFTER, LILLE, 0, 0, 40, comment="Trop tard")
    store_answers(application.ctx, [*named, *others, *later, *not_searched])
    with application.ledger.write() as session:
        with_theme = [*range(1, 51), *range(201, 211)]
        themes = [{"response_id": number, "theme": "delivery-time"} for number in with_theme]
        insert_many(session, CommentThemeRow, themes)
        searched = col(ResponseRow.comment).is_not(None) & (col(ResponseRow.id) <= 300)
        session.execute(update(ResponseRow).where(searched).values(classified_by="test"))
    with pytest.raises(ProblemRefused, match="theme"):
        open_new(application, cause_kind="theme", cause={"theme": "weather"}, concerned={})
    problem_id = open_new(application, cause_kind="theme", cause={"theme": "delivery-time"}, concerned={})
    fix(application, problem_id)
    clock.forward("29d")
    evaluate_due_problems(application.ctx)
    effect, shares = load_effect(load(application, problem_id).evaluation)
    assert shares == (50, 200, 10, 100)
    assert effect.verdict == "better"


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"title": " "}, "no_title"),
        ({"owner": ""}, "no_owner"),
        ({"deadline": TODAY - DAY}, "past_deadline"),
        ({"evidence_first": TODAY + DAY}, "future_evidence"),
        ({"concerned": {}}, "everybody"),
        ({"concerned": {"survey": "after-purchase"}}, "everybody"),
        ({"concerned": {"segment": "detractor"}}, "unknown_fact"),
        ({"concerned": {"score": "3"}}, "unknown_fact"),
        ({"concerned": {"d.colour": "red"}}, "unknown_fact"),
        ({"concerned": {"d.owner": "Paul"}}, "staff"),
        ({"concerned": {"team": "pair"}}, "staff"),
        ({"concerned": {"team": "nobody"}}, "unknown_team"),
        ({"cause_kind": "choice", "cause": {"question": "reason", "choice": "Weather"}}, "unknown_choice"),
    ],
)
def test_a_problem_that_cannot_be_judged_fairly_is_refused(application, values, code):
    with pytest.raises(ProblemRefused) as refused:
        open_new(application, **values)
    assert refused.value.code == code
    assert refused.value.text("fr") != refused.value.text("en") == str(refused.value)


def test_the_date_of_the_fix_stays_when_its_days_have_begun(application, clock):
    problem_id = open_new(application)
    fix(application, problem_id, fixed_on=TODAY - DAY)
    assert fix(application, problem_id, fixed_on=TODAY).after.first == TODAY + DAY
    clock.forward("1d")
    with pytest.raises(ProblemRefused) as refused:
        fix(application, problem_id, fixed_on=TODAY)
    assert refused.value.code == "fix_entered"


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"fixed_on": TODAY - 30 * DAY}, "fix_before_opening"),
        ({"fixed_on": TODAY + 400 * DAY}, "far_fix"),
        ({"days": 13}, "period_length"),
    ],
)
def test_a_fix_that_cannot_be_compared_is_refused(application, values, code):
    problem_id = open_new(application)
    with pytest.raises(ProblemRefused) as refused:
        fix(application, problem_id, **values)
    assert refused.value.code == code


def test_answers_that_are_deleted_before_the_evaluation_cannot_be_compared(ledger, clock):
    application = ApplicationHarness(ledger, clock, {**CONFIGURATION, "retention": {"comments": "90d"}})
    cause = {"question": "reason", "choice": "Prix"}
    problem_id = open_new(application, cause_kind="choice", cause=cause)
    with pytest.raises(ProblemRefused) as refused:
        fix(application, problem_id, days=60)
    assert refused.value.code == "texts_deleted"


def test_a_closed_problem_is_not_evaluated_and_keeps_no_notes(application, clock):
    problem_id = open_new(application, note="Zoé called twice")
    fix(application, problem_id)
    ctx = application.ctx
    with ctx.ledger.write() as session:
        row = find_problem(session, problem_id)
        close_problem(session, row, actor=STAFF, now=ctx.clock(), reason="another supplier")
    with pytest.raises(ProblemRefused), ctx.ledger.write() as session:
        close_problem(session, find_problem(session, problem_id), actor=STAFF, now=ctx.clock(), reason=None)
    clock.forward("40d")
    assert evaluate_due_problems(ctx) == 0
    clock.forward("800d")
    empty_old_notes(ctx)
    assert load(application, problem_id).note is None


def test_who_opened_fixed_and_closed_a_problem_is_audited(application):
    problem_id = open_new(application)
    fix(application, problem_id, note="new carrier")
    with application.ledger.write() as session:
        row = find_problem(session, problem_id)
        close_problem(session, row, actor=STAFF, now=application.clock(), reason="done")
    with application.ledger.read() as session:
        rows = session.execute(select(AuditRow).order_by(col(AuditRow.id))).scalars().all()
        entries = [(row.command, row.actor_name, row.object.split(",")[0]) for row in rows]
    name, target = STAFF.name, f"problem:{problem_id}"
    assert entries == [(f"problems {verb}", name, target) for verb in ("open", "fix", "close")]


def test_the_state_of_a_problem():
    row = ProblemRow(deadline=TODAY)
    assert problem_state(row, TODAY) == "open"
    assert problem_state(row, TODAY + DAY) == "overdue"
    row.fixed_on = TODAY
    assert problem_state(row, TODAY + DAY) == "fixed"


@pytest.mark.parametrize(
    ("owner", "recipient"), [("paul@example.com", "paul@example.com"), ("Paul Bernard", "care@example.com")]
)
def test_the_owner_hears_once_that_the_deadline_has_passed(application, owner, recipient):
    with application.ledger.write() as session:
        new = NewProblem(
            title="Late deliveries", owner=owner, deadline=TODAY + 3 * DAY, concerned={"d.location": "Lille"}
        )
        open_problem(session, application.ctx.settings, new, actor=STAFF, now=application.clock())
    application.clock.forward("3d")
    assert notify_late_problems(application.ctx) == 0
    for _day in range(3):
        application.clock.forward("1d")
        notify_late_problems(application.ctx)
        application.run()
    [mail] = application.post.sent("fallback")
    assert mail.to.email == recipient
    assert "Late deliveries" in mail.subject


def test_nobody_hears_of_a_problem_that_is_fixed_or_closed(application):
    new = NewProblem(title="Queues", owner="paul@example.com", deadline=TODAY, concerned={"d.location": "Lille"})
    settings, now = application.ctx.settings, application.clock()
    with application.ledger.write() as session:
        fixed = open_problem(session, settings, new, actor=STAFF, now=now)
        closed = open_problem(session, settings, new, actor=STAFF, now=now)
        enter_fix(session, settings, fixed, fixed_on=TODAY, actor=STAFF, now=now)
        close_problem(session, closed, actor=STAFF, now=now, reason=None)
    application.clock.forward("2d")
    assert notify_late_problems(application.ctx) == 0
