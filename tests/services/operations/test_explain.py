"""Every reason for a yes, a no and a wait is told, as it really came about; cases and plugins' say are told apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select
from support.application import ApplicationHarness
from support.clock import START, ManualClock
from support.decision_scenarios import (
    SCENARIOS,
    ThirdPartyPlugin,
    ambiguous_contact,
    superseded_event,
    win_deal_of_known_contact,
    win_deals,
)
from support.recovery_scenarios import (
    RECOVERY_CONFIG,
    EventfulHelpdesk,
    create_detractor_case,
    send_recovery_survey,
    send_ticket_event,
)

from nps_connect import RetryLater, SurveyProposal, Veto
from nps_connect.ledger.tables import DecisionRow, EventRow, EventSubjectRow
from nps_connect.records.contacts import ContactKey
from nps_connect.rules.trigger_decision import REASONS
from nps_connect.services.intake.replay import create_manual_event
from nps_connect.services.operations import explain
from nps_connect.services.operations.explain import (
    Timeline,
    explain_event,
    explain_person,
    explain_unknown,
    resolve_contacts,
)
from nps_connect.services.operations.timeline import ENTRY_ORDER

ZONE = ZoneInfo("Europe/Paris")
DOCS = Path(__file__).parents[3] / "docs" / "triggers.md"


def stories(application: ApplicationHarness) -> list[Timeline]:
    with application.ledger.read() as session:
        ids = list(session.execute(select(EventRow.id).order_by(EventRow.id)).scalars())
        return [story for one in ids if (story := explain_event(session, one)) is not None]


def person(application: ApplicationHarness, asked: str = "crm:1") -> Timeline:
    with application.ledger.read() as session:
        people = resolve_contacts(session, asked, ["crm"])
        if not people:
            return explain_unknown(session, asked, ["crm"], zone=ZONE)
        return explain_person(session, people, now=application.clock(), zone=ZONE)


def built(ledger, change: dict[str, Any] | None = None) -> ApplicationHarness:
    third = ThirdPartyPlugin()
    application = ApplicationHarness(ledger, ManualClock(), change, third=third)
    application.third = third
    return application


def test_no_reason_is_left_out_here_or_in_the_documentation():
    assert set(SCENARIOS) == set(REASONS)
    told = DOCS.read_text(encoding="utf-8")
    assert [reason for reason in REASONS if f"`{reason}`" not in told] == []


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_comes_about_and_is_told(ledger, reason):
    change, act, verdict = SCENARIOS[reason]
    application = built(ledger, change)
    act(application)
    steps = [step for story in stories(application) for step in story.steps if step.facts.get("reason") == reason]
    assert steps, "nothing was decided for this reason"
    for step in steps:
        assert step.what == "decision"
        assert step.told.startswith(f"{verdict} ({reason}) by ")
        assert step.facts["detail"] in step.told
        assert "@" not in step.told
    of_people = [step for asked in ("crm:1", "crm:2", "crm:9") for step in person(application, asked).steps]
    assert {step.id for step in steps} <= {step.id for step in of_people if step.what == "decision"}


def test_the_next_possible_date_is_told(ledger):
    application = built(ledger)
    superseded_event(application)
    until = START.replace(month=12, day=1).replace(year=2026)
    told = [step for step in person(application).steps if step.facts.get("reason") == "cooldown"]
    assert all(step.facts["eligible_at"] > until for step in told)
    for step in told:
        assert f"next possible {step.facts['eligible_at'].astimezone(ZONE):%Y-%m-%d %H:%M} CET" in step.told
        assert "UTC" not in step.told


def test_each_of_several_candidates_is_told_of_the_event(ledger):
    application = built(ledger)
    application.crm.knows("1", "marie@example.com")
    ambiguous_contact(application)
    for asked in ("crm:1", "crm:2", "paul@example.com"):
        assert (person(application, asked).steps[0].what, verdict_told(application, asked)) == (
            "event",
            "no (several_contacts)",
        )


def verdict_told(application: ApplicationHarness, asked: str) -> str:
    (told,) = [step.told for step in person(application, asked).steps if step.what == "decision"]
    return told.partition(" by ")[0]


@pytest.mark.parametrize("asked", ["1", "crm:1", "marie@example.com", " Marie@Example.com"])
def test_an_event_that_waits_to_be_decided_is_told_of_whom_it_names(ledger, asked):
    application = built(ledger)
    kind = "email" if "@" in asked else "id"
    value = "marie@example.com" if kind == "email" else "1"
    create_manual_event(
        application.ctx, "crm", "deal.won", contact=ContactKey(kind=kind, value=value), object_id=None, fields={}
    )
    (waiting,) = person(application, asked).steps
    assert waiting.told.endswith("pending: waits to be decided")
    assert "@" not in waiting.told
    application.run()
    assert verdict_told(application, asked) == "no (no_contact)"
    with ledger.read() as session:
        assert session.execute(select(EventSubjectRow)).scalars().all()
        assert not [row for row in session.execute(select(EventSubjectRow.subject)).scalars() if "@" in row]


def test_a_webhook_s_event_is_told_before_it_is_decided_and_when_the_vendor_cannot_be_asked(ledger):
    application = built(ledger)
    application.webhook(application.won("1"))
    application.store()
    assert [step.what for step in person(application, "crm:1").steps] == ["event"]
    application.crm.looking = [RetryLater("the vendor is down")]
    application.run(only="crm/decide")
    (waiting,) = person(application, "crm:1").steps
    assert waiting.told.endswith("pending: the vendor is down")
    assert person(application, "crm:2").steps == ()


def test_the_usual_event_is_written_down_once_only(ledger):
    application = built(ledger)
    win_deal_of_known_contact(application)
    with ledger.read() as session:
        assert session.execute(select(EventSubjectRow)).scalars().all() == []


def test_an_event_that_nothing_listens_to_is_told_of_whom_it_names(ledger):
    application = built(ledger, {"triggers": []})
    win_deal_of_known_contact(application)
    assert [step.what for step in person(application).steps] == ["event"]


def test_it_is_said_when_older_things_are_left_out(ledger, monkeypatch):
    application = built(ledger)
    win_deal_of_known_contact(application)
    win_deals(application, "1", "1")
    assert person(application).left_out == ()
    monkeypatch.setattr(explain, "MAX_ROWS_PER_KIND", 2)
    assert person(application).left_out == ("decisions", "events")


def test_a_proposal_and_a_refusal_are_told_with_the_plugin_s_reason(ledger):
    application = built(ledger, {"triggers": []})
    application.third.proposal = SurveyProposal(survey="after-purchase", reason="a long call, ask marie@example.com")
    win_deal_of_known_contact(application)
    win_deals(application, "1")
    application.third.veto = Veto(reason="a dispute is open")
    win_deals(application, "1")
    told = [step.told for step in person(application).steps if step.what == "decision"]
    assert [one.partition(" by ")[0] for one in told] == ["yes (surveyed)", "no (cooldown)", "no (veto)"]
    assert all("by plugin:third:after-purchase" in one for one in told)
    assert all("third proposed it: a long call, ask [address]" in one for one in told)
    assert "third: a dispute is open" in told[-1]


def test_a_plugin_that_fails_to_propose_leaves_a_decision_beside_the_others(ledger):
    application = built(ledger)
    application.third.failure = ValueError("boom")
    win_deal_of_known_contact(application)
    told = [step.told for step in person(application).steps if step.what == "decision"]
    assert any(one.startswith("yes (surveyed) by crm:deal.won:after-purchase") for one in told)
    failed = "no (unusable_proposal) by plugin:third: third failed to say whether it proposes a survey (ValueError)"
    assert failed in told


def test_a_customer_who_was_won_back_is_told_apart_from_the_ticket(ledger):
    desk = EventfulHelpdesk()
    application = ApplicationHarness(ledger, ManualClock(), RECOVERY_CONFIG, desk=desk)
    application.desk = desk
    create_detractor_case(application)
    application.answer(send_recovery_survey(application), 9)
    application.run()
    told = [step.told for step in person(application).steps if step.what == "case"]
    assert len(told) == 3
    assert told[0].startswith("case opened with ticket EventfulHelpdesk-1-0 at helpdesk, to be answered until ")
    assert told[1] == "case solved after 120 minutes: ticket EventfulHelpdesk-1-0 at helpdesk"
    assert told[2] == "customer won back: score 9 after ticket EventfulHelpdesk-1-0 at helpdesk"
    application.clock.forward("1h")
    send_ticket_event(application, "ticket.reopened")
    (opened, *_) = [step.told for step in person(application).steps if step.what == "case"]
    assert opened.endswith("now open, opened again once")


def test_a_story_is_told_in_order(ledger):
    application = built(ledger)
    application.answer(application.surveyed(), 3, "Non")
    application.run()
    steps = person(application).steps
    assert [(step.at, ENTRY_ORDER.index(step.what), step.id) for step in steps] == sorted(
        (step.at, ENTRY_ORDER.index(step.what), step.id) for step in steps
    )
    assert {"event", "decision", "invitation", "response", "case", "delivery"} <= {step.what for step in steps}


def test_a_person_of_another_connection_with_the_same_id_is_somebody_else(ledger):
    application = built(ledger)
    win_deal_of_known_contact(application)
    with ledger.read() as session:
        assert session.execute(select(DecisionRow.verdict)).scalars().all() == ["yes"]
        assert resolve_contacts(session, "helpdesk:1", ["crm", "helpdesk"]) == []
        assert [row.vendor_id for row in resolve_contacts(session, "1", ["crm", "helpdesk"])] == ["1"]
