"""Retention: old rows are deleted or emptied in small steps; figures and what is still needed are kept."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, update
from support.application import ApplicationHarness
from support.database_dump import find_texts

from nps_connect import Bounce, OutcomeUnknown, Rejected
from nps_connect.ledger import pauses
from nps_connect.ledger.audit_log import Actor, AuditRow
from nps_connect.ledger.cases import CaseRow
from nps_connect.ledger.cooldowns import CooldownRow
from nps_connect.ledger.daily_figures import VERDICTS, DailyFigureRow
from nps_connect.ledger.pauses import PauseRow
from nps_connect.ledger.suppressions import BounceRow
from nps_connect.ledger.tables import (
    AttemptRow,
    ContactRow,
    DecisionRow,
    DeliveryRow,
    EventRow,
    InvitationRow,
    PageViewRow,
    RawRequest,
    ResponseRow,
    RevisionRow,
)
from nps_connect.rules.network_address import truncate_address
from nps_connect.services.imports.campaign import add_to_campaign, plan_campaign
from nps_connect.services.imports.people import ImportedPerson
from nps_connect.services.operations.explain import explain_person
from nps_connect.services.operations.figures import find_differences
from nps_connect.services.operations.operator_pauses import set_paused
from nps_connect.services.operations.retention import IDLE_INTERVAL, STEP_INTERVAL, apply_retention
from nps_connect.services.suppressions.unconfirmed import suppress_unconfirmed


@pytest.fixture
def processed_application(application):
    application.answer(application.surveyed(), 2, "Non")
    application.run()
    application.clock.forward("14d")
    application.run()
    with application.ledger.write() as session:
        session.add(
            PageViewRow(
                purpose="survey", method="GET", at=application.clock(), address="192.0.2.77", agent="Mozilla/5.0 (X)"
            )
        )
    return application


def run_retention(application) -> None:
    progress: dict = {}
    while apply_retention(application.ctx, progress) == STEP_INTERVAL:
        pass


def first_value(application, query):
    with application.ledger.read() as session:
        return session.execute(query).scalars().first()


def count(application, table) -> int:
    return first_value(application, select(func.count()).select_from(table))


def close_cases(application) -> None:
    with application.ledger.write() as session:
        session.execute(update(CaseRow).values(state="solved", solved_at=application.clock()))


def test_nothing_is_deleted_before_its_period_is_over(processed_application):
    processed_application.clock.forward("6d")
    assert apply_retention(processed_application.ctx, {}) == IDLE_INTERVAL
    assert first_value(processed_application, select(RawRequest.body))
    assert (
        first_value(processed_application, select(PageViewRow.address).where(PageViewRow.agent.is_not(None)))
        == "192.0.2.77"
    )
    assert first_value(processed_application, select(ResponseRow.comment)) == "Non"


def test_each_kind_is_deleted_after_its_period_and_figures_are_kept(processed_application):
    application = processed_application
    decisions = count(application, DecisionRow)
    mails = len(application.post.items)
    application.clock.forward("8d")
    run_retention(application)
    assert first_value(application, select(PageViewRow).where(PageViewRow.agent == "Mozilla")).address == "192.0.2.0"
    application.clock.forward("23d")
    run_retention(application)
    assert count(application, RawRequest) == 0
    application.clock.forward("60d")
    run_retention(application)
    assert (count(application, AttemptRow), first_value(application, select(ResponseRow.comment))) == (0, "Non")
    assert count(application, CooldownRow) > 0
    close_cases(application)
    application.clock.forward("400d")
    run_retention(application)
    for table in (EventRow, DecisionRow, DeliveryRow, PageViewRow, CooldownRow):
        assert count(application, table) == 0, table
    verdicts = select(func.sum(DailyFigureRow.count)).where(DailyFigureRow.scale == VERDICTS)
    assert first_value(application, verdicts) == decisions
    assert first_value(application, select(ResponseRow.comment)) == "Non"
    application.clock.forward("400d")
    run_retention(application)
    assert first_value(application, select(ResponseRow.comment)) is None
    assert first_value(application, select(RevisionRow.comment)) is None
    assert first_value(application, select(ResponseRow.score)) == 2
    assert find_differences(application.ledger, application.ctx.settings.core.zone, application.ctx.dimensions) == []
    application.run()
    assert len(application.post.items) == mails


def test_bounces_of_none_of_our_mails_are_deleted_and_others_stay(application):
    application.surveyed()
    ours = Bounce(kind="soft", message_id=application.deliveries("send_survey")[0].receipt_id)
    application.post.bounces = [ours, Bounce(kind="hard", address="stranger@example.com")]
    application.backend.report_bounces(application.ctx.links.bounces("mail"), b"a report")
    application.clock.forward("29d")
    run_retention(application)
    assert first_value(application, select(func.count()).select_from(BounceRow)) == 2
    application.clock.forward("2d")
    run_retention(application)
    assert first_value(application, select(BounceRow.kind)) == "soft"
    assert first_value(application, select(func.count()).select_from(BounceRow)) == 1


def test_what_mail_servers_wrote_is_emptied_and_a_bounce_stays_with_its_mail(application):
    application.surveyed()
    report = Bounce(
        kind="soft", message_id=application.deliveries("send_survey")[0].receipt_id, detail="over quota", status="4.2.2"
    )
    application.post.bounces = [report]
    application.backend.report_bounces(application.ctx.links.bounces("mail"), b"a report")
    application.clock.forward("91d")
    run_retention(application)
    assert first_value(application, select(BounceRow)).detail == ""
    application.clock.forward("308d")
    run_retention(application)  # within the 400 days in which soft bounces are compared
    assert (count(application, BounceRow), count(application, DeliveryRow)) == (1, 1)
    application.clock.forward("2d")
    run_retention(application)
    assert (count(application, BounceRow), count(application, DeliveryRow)) == (0, 0)


def test_an_unprocessed_webhook_stays_and_does_not_stop_the_others(application):
    application.webhook(body=b"[1]")
    with application.ledger.write() as session:  # its connection is gone: no worker will ever claim it
        session.execute(update(RawRequest).values(connection="old", queue_name="old/parse"))
    application.surveyed()
    assert count(application, RawRequest) == 2
    application.clock.forward("60d")
    run_retention(application)
    assert first_value(application, select(RawRequest.body)) == b"[1]"
    assert count(application, RawRequest) == 1


def test_an_unreadable_webhook_is_emptied_and_still_reported(application):
    application.webhook(body=b'[{"unknown": "marie@example.com"}]')
    application.run()
    application.clock.forward("29d")
    run_retention(application)
    assert first_value(application, select(RawRequest.body))
    application.clock.forward("2d")
    run_retention(application)
    row = first_value(application, select(RawRequest))
    assert (row.state, row.body, row.headers) == ("dead", b"", {})


def test_rows_that_a_wrong_clock_dated_ahead_do_not_stop_the_others(processed_application):
    application, ahead = processed_application, processed_application.clock() + timedelta(days=3650)
    tables = (
        RawRequest.received_at,
        PageViewRow.at,
        AttemptRow.finished_at,
        EventRow.received_at,
        DecisionRow.decided_at,
    )
    with application.ledger.write() as session:
        for column in tables:
            first_id = select(func.min(column.class_.id)).scalar_subquery()
            session.execute(update(column.class_).where(column.class_.id == first_id).values({column: ahead}))
    close_cases(application)
    application.clock.forward("410d")
    run_retention(application)
    assert {column.class_.__tablename__: count(application, column.class_) for column in tables} == {
        "raw_requests": 1,
        "page_views": 1,
        "attempts": 0,  # deleted with its delivery
        "events": 1,
        "decisions": 1,
    }


@given(st.ip_addresses().map(str))
def test_a_truncated_address_is_a_network_and_truncating_is_idempotent(address):
    short = truncate_address(address)
    assert truncate_address(short) == short
    assert short.endswith((".0", "::", ":0"))


@pytest.mark.parametrize("nonsense", [None, "", "unknown", "testclient"])
def test_text_that_is_no_address_is_dropped(nonsense):
    assert truncate_address(nonsense) is None


def test_a_fact_that_comes_again_after_its_event_is_deleted_is_too_old_for_a_survey(processed_application):
    application = processed_application
    fact = application.won("1", amount=5, at=application.clock() - timedelta(days=1), deal="resent")
    application.webhook(fact)
    application.run()
    close_cases(application)
    application.clock.forward("390d")
    run_retention(application)
    assert "marie@example.com" in str(first_value(application, select(EventRow.record)))
    application.clock.forward("10d")
    run_retention(application)
    assert count(application, EventRow) == 0
    mails = len(application.post.items)
    application.webhook(fact)
    application.run()
    application.clock.forward("4d")
    application.run()
    assert first_value(application, select(DecisionRow.reason)) == "too_old"
    assert len(application.post.items) == mails


def test_everybody_stays_in_a_campaign_for_ever_by_a_key_without_personal_data(application):
    application.crm.knows("1", "marie@example.com")
    people = [ImportedPerson(2, "marie@example.com", None, "Marie", None)]
    campaign = plan_campaign(application.ctx, name="spring", survey="after-purchase", connection="crm", per_day=None)
    assert add_to_campaign(application.ctx, campaign, people) == 1
    application.run()
    application.clock.forward("500d")
    run_retention(application)
    assert count(application, DecisionRow) == 0
    record = first_value(application, select(EventRow.record))
    assert "marie" not in str(record).lower()
    assert add_to_campaign(application.ctx, campaign, people) == 0


def test_what_somebody_has_to_handle_stays(application):
    application.desk.raising = [Rejected("the form is closed", status=422)]
    application.answer(application.surveyed(), 2)
    application.run()
    application.post.raising = [OutcomeUnknown("the line broke")]
    application.crm.knows("2", "paul@example.com")
    application.webhook(application.won("2"))
    application.run()
    application.clock.forward("3d")
    application.run(only="send_survey")
    for _ in range(3):  # alarms about the dead ticket
        application.clock.forward("1d")
        application.run(only="jobs")
        application.run(only="mail")
    kept = {row.id: row.action for row in application.deliveries() if row.state in ("dead", "held")}
    alarms = {row.id for row in application.deliveries() if row.depends_on_id in kept}
    assert (sorted(kept.values()), len(alarms)) == (["open_ticket", "send_survey"], 3)
    application.clock.forward("500d")
    run_retention(application)
    assert {row.id for row in application.deliveries()} == kept.keys() | alarms


def test_deliveries_of_an_open_case_stay_until_it_has_been_solved_for_the_period(processed_application):
    application = processed_application
    application.clock.forward("500d")
    run_retention(application)
    assert "open_ticket" in {row.action for row in application.deliveries()}
    close_cases(application)
    application.clock.forward("395d")
    run_retention(application)
    assert "open_ticket" in {row.action for row in application.deliveries()}
    application.clock.forward("2d")
    run_retention(application)
    assert application.deliveries() == []


def test_a_survey_that_accepts_responses_keeps_its_deliveries_event_and_page_views(application):
    token = application.surveyed()
    application.show(token, application.visit(score=3))
    with application.ledger.write() as session:
        session.execute(update(InvitationRow).values(expires_at=application.clock() + timedelta(days=1000)))
    application.clock.forward("999d")
    run_retention(application)
    assert count(application, EventRow) == count(application, DeliveryRow) == count(application, PageViewRow) == 1
    assert application.answer(token, 3).state == "answered"
    application.clock.forward("2d")
    run_retention(application)
    assert (count(application, EventRow), count(application, PageViewRow)) == (0, 1)  # the view of today


def test_a_decision_that_an_operator_has_to_make_stays_with_its_event(application):
    application.surveyed()
    with application.ledger.write() as session:
        session.execute(update(DecisionRow).values(verdict="held"))
    application.clock.forward("500d")
    run_retention(application)
    assert (count(application, DecisionRow), count(application, EventRow)) == (1, 1)
    assert first_value(application, select(EventRow.record))["contacts"][0]["email"] == "marie@example.com"


def test_a_cooldown_that_is_longer_than_every_period_still_holds(ledger, clock):
    years = {"limits": {"cooldown": "800d"}, "retention": {"events": "800d", "deliveries": "800d", "cooldowns": "1d"}}
    application = ApplicationHarness(ledger, clock, years)
    application.surveyed()
    for days, mails in ((795, 1), (10, 2)):
        application.clock.forward(f"{days}d")
        run_retention(application)
        application.webhook(application.won("1", deal=f"after-{days}"))
        application.run()
        application.clock.forward("3d")
        application.run()
        assert len(application.post.items) == mails


def test_a_planned_survey_keeps_its_expired_reservation(application):
    application.crm.knows("1", "marie@example.com")
    application.webhook(application.won("1"))
    application.run()
    with application.ledger.write() as session:
        pauses.pause(session, "mail", cause="operator", reason="holidays", now=application.clock())
    application.clock.forward("200d")
    run_retention(application)
    assert count(application, CooldownRow) == 2


def test_answers_to_follow_up_questions_are_emptied_with_the_comments(processed_application):
    application = processed_application
    answers = [{"name": "why", "question": "Why?", "answer": "Paul was rude"}]
    with application.ledger.write() as session:
        session.execute(update(ResponseRow).values(follow_up=answers))
        session.execute(update(RevisionRow).values(follow_up=answers))
    application.clock.forward("732d")
    run_retention(application)
    for table in (ResponseRow, RevisionRow):
        assert first_value(application, select(table.follow_up).order_by(table.id)) == []


def test_the_words_of_a_comment_leave_the_search_index_with_it(processed_application):
    application = processed_application
    with application.ledger.write() as session:
        session.execute(update(ResponseRow).values(comment="Le xylophone"))
    assert find_texts(application.ledger, "xylophone")
    application.clock.forward("732d")
    run_retention(application)
    application.ledger.checkpoint()
    assert find_texts(application.ledger, "xylophone") == []


def test_explain_and_the_people_with_unknown_opt_outs_survive_the_retention(processed_application):
    application = processed_application
    close_cases(application)
    application.clock.forward("800d")
    run_retention(application)
    with application.ledger.write() as session:
        (contact,) = session.execute(select(ContactRow)).scalars()
        timeline = explain_person(session, [contact], now=application.clock())
        assert "response" in {entry.kind for entry in timeline.entries}
        assert suppress_unconfirmed(application.ctx, session) == 1


def test_reasons_that_operators_wrote_are_emptied_with_the_comments_and_what_they_did_stays(application):
    actor, state_dir = Actor("cli", "zoe"), application.ctx.state_dir
    set_paused(application.ledger, state_dir, "mail", "Marie complained", actor, application.clock())
    application.clock.forward("730d")
    run_retention(application)
    assert first_value(application, select(AuditRow.reason)) == "Marie complained"
    application.clock.forward("2d")
    run_retention(application)
    assert first_value(application, select(AuditRow.reason)) is None
    assert first_value(application, select(AuditRow.command)) == "pause"
    assert first_value(application, select(PauseRow.reason)) == "paused by the operator"
