"""Decisions of triggers: priority, daily caps, deferral, held triggers, paused surveys."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from support.application import ApplicationHarness
from support.clock import START

from nps_connect.ledger.current_counts import count_held
from nps_connect.ledger.tables import DecisionRow, EventRow, InvitationRow
from nps_connect.services.decisions import held_triggers, paused_surveys
from nps_connect.services.operations.simulate import simulate
from nps_connect.services.suppressions.store import suppress

BASE = {"on": "deal.won", "from": "crm", "survey": "after-purchase"}


def decided(application: ApplicationHarness) -> list[tuple[str, str, str]]:
    with application.ledger.read() as session:
        rows = session.execute(select(DecisionRow).order_by(DecisionRow.event_id, DecisionRow.id)).scalars()
        return [(row.trigger, row.verdict, row.reason) for row in rows]


def invitations(application: ApplicationHarness) -> list[InvitationRow]:
    with application.ledger.read() as session:
        return list(session.execute(select(InvitationRow).order_by(InvitationRow.id)).scalars())


def win(application: ApplicationHarness, *people: str, **fields) -> None:
    """Won deals of these people, received just now."""
    for person in people:
        if person not in application.crm.people:
            application.crm.knows(person, f"{person}@example.com")
    stamp = application.clock().timestamp()
    application.webhook(*(application.won(person, deal=f"deal-{person}-{stamp}", **fields) for person in people))
    application.run()


def test_highest_priority_trigger_wins(ledger, clock):
    triggers = [
        {**BASE, "name": "usual"},
        {
            **BASE,
            "name": "large",
            "priority": 5,
            "where": "amount >= 1000",
            "touchpoint": "large deal",
            "language": "en",
        },
    ]
    application = ApplicationHarness(ledger, clock, {"triggers": triggers})
    win(application, "1", amount=5000)
    win(application, "2", amount=5)
    assert sorted(decided(application)) == [
        ("large", "no", "filter"),
        ("large", "yes", "surveyed"),
        ("usual", "no", "outranked"),
        ("usual", "yes", "surveyed"),
    ]
    assert [
        (invitation.trigger, invitation.touchpoint, invitation.language) for invitation in invitations(application)
    ] == [
        ("large", "large deal", "en"),
        ("usual", "after-purchase", "fr"),
    ]


def test_trigger_cap_spreads_surveys_over_days(ledger, clock):
    application = ApplicationHarness(ledger, clock, {"triggers": [{**BASE, "per_day": 2}]})
    win(application, *(str(number) for number in range(5)))
    days = [invitation.due_at - clock.now for invitation in invitations(application)]
    assert days == [timedelta(days=days) for days in (0, 0, 1, 1, 2)]


def test_named_weekday_uses_company_time_zone(ledger, clock):
    application = ApplicationHarness(ledger, clock, {"triggers": [{**BASE, "delay": "1d then next tuesday 10:00"}]})
    win(application, "1")
    assert invitations(application)[0].due_at.isoformat() == "2026-11-24T09:00:00+00:00"


def test_deferred_survey_is_sent_after_cooldown(ledger, clock):
    application = ApplicationHarness(
        ledger, clock, {"limits": {"when_blocked": "defer", "cooldown": "10d"}, "triggers": [BASE]}
    )
    win(application, "1")
    clock.forward("1d")
    win(application, "1")
    assert decided(application)[-1][1:] == ("deferred", "cooldown")
    clock.forward("10d")
    application.run()
    assert decided(application)[-1][1:] == ("yes", "surveyed")
    assert len(invitations(application)) == 2


@pytest.mark.parametrize("order", [("old", "new"), ("new", "old")])
def test_newest_deferred_event_supersedes_older_ones_in_any_order(ledger, clock, order):
    application = ApplicationHarness(
        ledger, clock, {"limits": {"when_blocked": "defer", "cooldown": "10d"}, "triggers": [BASE]}
    )
    win(application, "1")
    clock.forward("3d")
    moments = {"old": clock.now - timedelta(days=2), "new": clock.now - timedelta(days=1)}
    for name in order:
        application.webhook(application.won("1", deal=name, at=moments[name]))
        application.run()
    with ledger.read() as session:
        query = select(EventRow.object_id, DecisionRow.verdict, DecisionRow.reason).join(
            DecisionRow, DecisionRow.event_id == EventRow.id
        )
        verdicts = {name: (verdict, reason) for name, verdict, reason in session.execute(query).all()}
    assert verdicts["old"] == ("no", "superseded")
    assert verdicts["new"] == ("deferred", "cooldown")
    clock.forward("10d")
    application.run()
    assert [row[1:] for row in decided(application)].count(("yes", "surveyed")) == 2


def test_ignore_cooldown_reason_allows_survey_and_restarts_cooldown(ledger, clock):
    follow_up = {**BASE, "name": "follow-up", "where": "amount == 1", "ignore_cooldown": "follow-up after a recovery"}
    application = ApplicationHarness(ledger, clock, {"triggers": [{**BASE, "where": "amount == 2"}, follow_up]})
    win(application, "1", amount=2)
    clock.forward("80d")
    win(application, "1", amount=1)
    assert ("follow-up", "yes", "surveyed") in decided(application)
    clock.forward("80d")
    win(application, "1", amount=2)
    assert decided(application)[-2:] == [
        ("crm:deal.won:after-purchase", "no", "cooldown"),
        ("follow-up", "no", "filter"),
    ]


class TestAFlood:
    @pytest.fixture
    def application_with_held_trigger(self, ledger, clock) -> ApplicationHarness:
        application = ApplicationHarness(
            ledger, clock, {"limits": {"unusual": 3}, "triggers": [{**BASE, "name": "sales"}]}
        )
        win(application, *(str(number) for number in range(8)))
        return application

    def test_is_held_before_it_reaches_everybody_and_staff_is_told_once(self, application_with_held_trigger):
        assert [verdict for _, verdict, _ in decided(application_with_held_trigger)] == ["yes"] * 3 + ["held"] * 5
        win(application_with_held_trigger, "9")
        notices = [mail for mail in application_with_held_trigger.post.items if mail.kind == "fallback"]
        assert len(notices) == 1
        assert "triggers release 'sales'" in notices[0].text

    def test_goes_on_when_it_is_released_and_every_rule_is_asked_again(self, application_with_held_trigger, clock):
        with application_with_held_trigger.ledger.write() as session:
            suppress(application_with_held_trigger.ctx, session, ["c:8"], "objected", source="operator")
        clock.forward("8d")
        with application_with_held_trigger.ledger.write() as session:
            assert held_triggers.release_held(session, "sales", clock()) == 5
        application_with_held_trigger.run()
        assert [reason for _, _, reason in decided(application_with_held_trigger)] == ["surveyed"] * 7 + ["suppressed"]

    def test_reaches_nobody_when_it_is_refused(self, application_with_held_trigger, clock):
        with application_with_held_trigger.ledger.write() as session:
            assert held_triggers.reject_held(session, "sales") == 5
        application_with_held_trigger.run()
        assert [reason for _, _, reason in decided(application_with_held_trigger)] == ["surveyed"] * 3 + ["refused"] * 5
        with application_with_held_trigger.ledger.read() as session:
            assert count_held(session) == {}

    def test_after_the_hour_the_trigger_is_usual_again(self, application_with_held_trigger, clock):
        clock.forward("61m")
        win(application_with_held_trigger, "20")
        assert decided(application_with_held_trigger)[-1][1] == "yes"


def test_staff_is_notified_once_of_a_full_day(ledger, clock):
    application = ApplicationHarness(ledger, clock, {"limits": {"surveys_per_day": 2}, "triggers": [BASE]})
    win(application, "1", "2", "3", "4")
    assert [verdict for _, verdict, _ in decided(application)] == ["yes", "yes", "deferred", "deferred"]
    notices = [mail for mail in application.post.items if mail.kind == "fallback"]
    assert [mail.to.email for mail in notices] == ["care@example.com"]
    assert "(surveys_per_day = 2)" in notices[0].text
    clock.forward("1d")
    application.run()
    assert [verdict for _, verdict, _ in decided(application)] == ["yes"] * 4


def test_paused_survey_is_held_and_resumed(application, clock):
    win(application, "1")
    with application.ledger.write() as session:
        assert paused_surveys.pause_survey(session, "after-purchase", reason="wrong template", now=clock())
    win(application, "2")
    clock.forward("3d")
    application.run()
    assert [row.state for row in application.deliveries("send_survey")] == ["held", "held"]
    with application.ledger.write() as session:
        assert paused_surveys.resume_survey(session, "after-purchase")
    application.run()
    assert [row.state for row in application.deliveries("send_survey")] == ["succeeded", "succeeded"]


@pytest.mark.parametrize("order", [(5, 200), (200, 5)])
def test_events_of_one_person_are_decided_by_priority(ledger, clock, order):
    trigger = {"on": "deal.won", "from": "crm", "survey": "after-purchase"}
    triggers = [{**trigger, "name": "any"}, {**trigger, "name": "large", "where": "amount >= 100", "priority": 5}]
    application = ApplicationHarness(ledger, clock, {"triggers": triggers})
    application.crm.knows("1", "marie@example.com")
    application.crm.knows("2", "paul@example.com")
    application.webhook(
        *(application.won("1", deal=str(amount), amount=amount) for amount in order), application.won("2", amount=5)
    )
    application.run(only="crm/")
    with ledger.read() as session:
        query = select(EventRow.object_id, DecisionRow.trigger).join(EventRow, EventRow.id == DecisionRow.event_id)
        approved = sorted(tuple(row) for row in session.execute(query.where(DecisionRow.verdict == "yes")))
    assert approved == [("200", "large"), ("deal-2", "any")]
    simulated = simulate(application.ctx, START)
    assert sorted((survey.contact, survey.trigger) for survey in simulated.surveys) == [
        ("crm:1", "large"),
        ("crm:2", "any"),
    ]
