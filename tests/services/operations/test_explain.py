"""Explain: every decision reason occurs and is reported; cases and plugin answers appear as entries of their own."""

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
from nps_connect.ledger.subjects import EventSubjectRow
from nps_connect.ledger.tables import DecisionRow, EventRow
from nps_connect.records.contacts import ContactKey
from nps_connect.rules.trigger_decision import REASONS
from nps_connect.services.intake.manual_events import create_manual_event
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


def event_timelines(application: ApplicationHarness) -> list[Timeline]:
    with application.ledger.read() as session:
        ids = list(session.execute(select(EventRow.id).order_by(EventRow.id)).scalars())
        return [timeline for event_id in ids if (timeline := explain_event(session, event_id)) is not None]


def explain_contact(application: ApplicationHarness, reference: str = "crm:1") -> Timeline:
    with application.ledger.read() as session:
        contacts = resolve_contacts(session, reference, ["crm"])
        if not contacts:
            return explain_unknown(session, reference, ["crm"], zone=ZONE)
        return explain_person(session, contacts, now=application.clock(), zone=ZONE)


def build(ledger, change: dict[str, Any] | None = None) -> ApplicationHarness:
    third = ThirdPartyPlugin()
    application = ApplicationHarness(ledger, ManualClock(), change, third=third)
    application.third = third
    return application


def test_every_reason_has_a_scenario_and_is_documented():
    assert set(SCENARIOS) == set(REASONS)
    page = DOCS.read_text(encoding="utf-8")
    assert [reason for reason in REASONS if f"`{reason}`" not in page] == []


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_is_reported_for_its_event_and_its_contacts(ledger, reason):
    change, act, verdict = SCENARIOS[reason]
    application = build(ledger, change)
    act(application)
    entries = [
        entry
        for timeline in event_timelines(application)
        for entry in timeline.entries
        if entry.facts.get("reason") == reason
    ]
    assert entries, "nothing was decided for this reason"
    for entry in entries:
        assert entry.kind == "decision"
        assert entry.text.startswith(f"{verdict} ({reason}) by ")
        assert entry.facts["detail"] in entry.text
        assert "@" not in entry.text
    of_contacts = [entry for ref in ("crm:1", "crm:2", "crm:9") for entry in explain_contact(application, ref).entries]
    assert {entry.id for entry in entries} <= {entry.id for entry in of_contacts if entry.kind == "decision"}


def test_a_cooldown_reports_the_next_possible_date_in_the_company_s_zone(ledger):
    application = build(ledger)
    superseded_event(application)
    until = START.replace(month=12, day=1).replace(year=2026)
    entries = [entry for entry in explain_contact(application).entries if entry.facts.get("reason") == "cooldown"]
    assert all(entry.facts["eligible_at"] > until for entry in entries)
    for entry in entries:
        assert f"next possible {entry.facts['eligible_at'].astimezone(ZONE):%Y-%m-%d %H:%M} CET" in entry.text
        assert "UTC" not in entry.text


def test_an_ambiguous_event_appears_for_each_candidate(ledger):
    application = build(ledger)
    application.crm.knows("1", "marie@example.com")
    ambiguous_contact(application)
    for reference in ("crm:1", "crm:2", "paul@example.com"):
        assert (explain_contact(application, reference).entries[0].kind, decision_outcome(application, reference)) == (
            "event",
            "no (several_contacts)",
        )


def decision_outcome(application: ApplicationHarness, reference: str) -> str:
    (text,) = [entry.text for entry in explain_contact(application, reference).entries if entry.kind == "decision"]
    return text.partition(" by ")[0]


@pytest.mark.parametrize("reference", ["1", "crm:1", "marie@example.com", " Marie@Example.com"])
def test_an_undecided_event_appears_for_the_contact_that_it_names(ledger, reference):
    application = build(ledger)
    kind = "email" if "@" in reference else "id"
    value = "marie@example.com" if kind == "email" else "1"
    create_manual_event(
        application.ctx, "crm", "deal.won", contact=ContactKey(kind=kind, value=value), object_id=None, fields={}
    )
    (pending,) = explain_contact(application, reference).entries
    assert pending.text.endswith("pending: not decided yet")
    assert "@" not in pending.text
    application.run()
    assert decision_outcome(application, reference) == "deferred (no_contact)"
    with ledger.read() as session:
        assert session.execute(select(EventSubjectRow)).scalars().all()
        assert not [row for row in session.execute(select(EventSubjectRow.subject)).scalars() if "@" in row]


def test_a_webhook_s_event_appears_before_its_decision_and_while_the_contact_lookup_fails(ledger):
    application = build(ledger)
    application.webhook(application.won("1"))
    application.store()
    assert [entry.kind for entry in explain_contact(application, "crm:1").entries] == ["event"]
    application.crm.looking = [RetryLater("the vendor is down")]
    application.run(only="crm/decide")
    (pending,) = explain_contact(application, "crm:1").entries
    assert pending.text.endswith("pending: the vendor is down")
    assert explain_contact(application, "crm:2").entries == ()


def test_a_decided_event_stores_no_extra_subjects(ledger):
    application = build(ledger)
    win_deal_of_known_contact(application)
    with ledger.read() as session:
        assert session.execute(select(EventSubjectRow)).scalars().all() == []


def test_an_event_without_a_trigger_appears_for_the_contact_that_it_names(ledger):
    application = build(ledger, {"triggers": []})
    win_deal_of_known_contact(application)
    assert [entry.kind for entry in explain_contact(application).entries] == ["event"]


def test_truncated_tables_are_named(ledger, monkeypatch):
    application = build(ledger)
    win_deal_of_known_contact(application)
    win_deals(application, "1", "1")
    assert explain_contact(application).truncated == ()
    monkeypatch.setattr(explain, "MAX_ROWS_PER_KIND", 2)
    assert explain_contact(application).truncated == ("decisions", "events")


def test_a_proposal_and_a_veto_are_reported_with_the_plugin_s_reason(ledger):
    application = build(ledger, {"triggers": []})
    application.third.proposal = SurveyProposal(survey="after-purchase", reason="a long call, ask marie@example.com")
    win_deal_of_known_contact(application)
    win_deals(application, "1")
    application.third.veto = Veto(reason="a dispute is open")
    win_deals(application, "1")
    texts = [entry.text for entry in explain_contact(application).entries if entry.kind == "decision"]
    assert [text.partition(" by ")[0] for text in texts] == ["yes (surveyed)", "no (cooldown)", "no (veto)"]
    assert all("by plugin:third:after-purchase" in text for text in texts)
    assert all("third proposed it: a long call, ask [address]" in text for text in texts)
    assert "third: a dispute is open" in texts[-1]


def test_a_failed_proposal_is_a_decision_of_its_own(ledger):
    application = build(ledger)
    application.third.failure = ValueError("boom")
    win_deal_of_known_contact(application)
    texts = [entry.text for entry in explain_contact(application).entries if entry.kind == "decision"]
    assert any(text.startswith("yes (surveyed) by crm:deal.won:after-purchase") for text in texts)
    failed = "no (unusable_proposal) by plugin:third: third failed to say whether it proposes a survey (ValueError)"
    assert failed in texts


def test_a_case_has_an_entry_each_for_opening_solution_and_recovery(ledger):
    desk = EventfulHelpdesk()
    application = ApplicationHarness(ledger, ManualClock(), RECOVERY_CONFIG, desk=desk)
    application.desk = desk
    create_detractor_case(application)
    application.answer(send_recovery_survey(application), 9)
    application.run()
    texts = [entry.text for entry in explain_contact(application).entries if entry.kind == "case"]
    assert len(texts) == 3
    assert texts[0].startswith("case opened with ticket EventfulHelpdesk-1-0 at helpdesk, reply due by ")
    assert texts[1] == "case solved after 120 minutes: ticket EventfulHelpdesk-1-0 at helpdesk"
    assert texts[2] == "customer recovered: score 9 after ticket EventfulHelpdesk-1-0 at helpdesk"
    application.clock.forward("1h")
    send_ticket_event(application, "ticket.reopened")
    (opened, *_) = [entry.text for entry in explain_contact(application).entries if entry.kind == "case"]
    assert opened.endswith("now open, reopened once")
    application.clock.forward("1h")
    send_ticket_event(application, "ticket.solved", agent_name="Anna Müller")
    solved = [entry.text for entry in explain_contact(application).entries if entry.text.startswith("case solved")]
    assert solved == ["case solved after 4560 minutes by Anna Müller: ticket EventfulHelpdesk-1-0 at helpdesk"]


def test_entries_are_in_order(ledger):
    application = build(ledger)
    application.answer(application.surveyed(), 3, "Non")
    application.run()
    entries = explain_contact(application).entries
    assert [(entry.at, ENTRY_ORDER.index(entry.kind), entry.id) for entry in entries] == sorted(
        (entry.at, ENTRY_ORDER.index(entry.kind), entry.id) for entry in entries
    )
    assert {"event", "decision", "invitation", "response", "case", "delivery"} <= {entry.kind for entry in entries}


def test_the_same_id_at_another_connection_is_another_contact(ledger):
    application = build(ledger)
    win_deal_of_known_contact(application)
    with ledger.read() as session:
        assert session.execute(select(DecisionRow.verdict)).scalars().all() == ["yes"]
        assert resolve_contacts(session, "helpdesk:1", ["crm", "helpdesk"]) == []
        assert [row.vendor_id for row in resolve_contacts(session, "1", ["crm", "helpdesk"])] == ["1"]
