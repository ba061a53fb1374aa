"""Cases without a helpdesk, and what staff do about any case."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select
from support.console import add_console_user
from support.recovery_scenarios import case_of, create_detractor_case, recovery_decisions, send_ticket_event

from nps_connect.ledger.audit_log import Actor, AuditRow
from nps_connect.ledger.cases import CaseEntryRow, CaseRow
from nps_connect.ledger.tables import ContactRow
from nps_connect.records.actions import HoldCode
from nps_connect.services.cases.call_list import count_calls, load_calls
from nps_connect.services.cases.case_work import (
    CaseEntry,
    CaseUnchanged,
    add_note,
    assign_case,
    lock_case_by_id,
    record_call,
)
from nps_connect.services.decisions.staff_cases import reopen_case, solve_case
from nps_connect.services.operations.explain import explain_response
from nps_connect.services.operations.retention import STEP_INTERVAL, apply_retention
from nps_connect.services.suppressions.erasure import erase_contacts, export_contacts

ANNA = Actor("console", "anna@example.com")
ALERT_ONLY = [{"on": "any", "do": "write_score", "via": "crm"}, {"on": "detractor", "do": "send_alert", "via": "team"}]
OFTEN = {"quiet_hours": "off", "quiet_days": [], "cooldown": "1d"}
"""Limits under which the same customer is asked again after a day."""

OWNED = {"owner_field": "rep", "owners": {"7": "ben@example.com"}}


def work(application, change, *arguments, **options):
    """Change the only case as `anna@example.com`, and run what follows."""
    with application.ledger.write() as session:
        case = lock_case_by_id(session, case_of(application).id)
        change(application.ctx, session, case, ANNA, *arguments, **options)
    application.run()


def cases(application):
    with application.ledger.read() as session:
        return session.execute(select(CaseRow).order_by(CaseRow.id)).scalars().all()


def reminders(application):
    return [(row.options["step"], row.state) for row in application.deliveries("send_case_reminder")]


@pytest.fixture
def own(build):
    """An application without a route that opens tickets."""
    return build(routes=ALERT_ONLY, cases=OWNED)


class TestOpening:
    def test_a_detractor_without_a_ticket_opens_a_case_of_the_contacts_owner(self, own):
        case = create_detractor_case(own, fields={"rep": "7"})
        assert (case.connection, case.ticket_id, case.state) == (None, None, "open")
        assert (case.owner, case.assigned_to) == ("7", "ben@example.com")
        assert case.deadline > own.clock()

    @pytest.mark.parametrize("score", [7, 9])
    def test_nobody_else_does(self, own, score):
        own.answer(own.surveyed(), score)
        own.run()
        assert cases(own) == []

    def test_a_ticket_opens_the_case_where_a_route_says_so(self, application):
        assert create_detractor_case(application).ticket_id is not None
        assert len(cases(application)) == 1

    def test_own_cases_can_be_switched_off(self, build):
        application = build(routes=ALERT_ONLY, cases={"own_cases": False}, recovery={"survey": None})
        application.answer(application.surveyed(), 2)
        application.run()
        assert cases(application) == []

    def test_a_score_that_is_corrected_at_once_leaves_no_case(self, own):
        token = own.surveyed()
        own.answer(token, 2, sent=False)
        assert len(cases(own)) == 1
        own.clock.forward("15s")
        own.answer(token, 9)
        assert cases(own) == []

    def test_a_better_score_later_recovers_the_case(self, own):
        token = own.surveyed()
        own.answer(token, 2)
        own.clock.forward("1h")
        own.answer(token, 9)
        assert case_of(own).recovered_score == 9

    def test_a_worse_response_reopens_a_solved_case(self, own):
        token = own.surveyed()
        own.answer(token, 4)
        work(own, solve_case, remedies=("apology",))
        own.clock.forward("1h")
        own.answer(token, 1, "Toujours rien")
        case = case_of(own)
        assert (case.state, case.reopened, case.solved_by) == ("open", 1, None)


class TestWork:
    def test_everything_is_kept_in_the_history_and_audited(self, own):
        create_detractor_case(own)
        work(own, assign_case, "carla@example.com")
        work(own, add_note, "Client depuis 2019")
        work(own, record_call, CaseEntry(kind="called", call_outcome="spoken", text="Colis perdu"))
        work(own, solve_case, remedies=("apology", "fix"), text="Renvoyé")
        case = case_of(own)
        assert (case.assigned_to, case.state, case.solved_by) == ("carla@example.com", "solved", "anna@example.com")
        assert case.remedies == ["apology", "fix"]
        with own.ledger.read() as session:
            entries = session.execute(select(CaseEntryRow).order_by(CaseEntryRow.id)).scalars().all()
            audit = session.execute(select(AuditRow).order_by(AuditRow.id)).scalars().all()
        assert [(entry.kind, entry.text) for entry in entries] == [
            ("assigned", None),
            ("note", "Client depuis 2019"),
            ("called", "Colis perdu"),
            ("solved", "Renvoyé"),
        ]
        commands = ["cases assign", "cases note", "cases note", "cases solve"]
        assert [(row.command, row.actor_name, row.reason) for row in audit] == [
            (command, "anna@example.com", None) for command in commands
        ]

    def test_the_first_conversation_is_the_first_reply(self, own):
        create_detractor_case(own)
        own.clock.forward("90m")
        work(own, record_call, CaseEntry(kind="called", call_outcome="not_reached"))
        assert case_of(own).first_reply_minutes is None
        own.clock.forward("30m")
        work(own, record_call, CaseEntry(kind="called", call_outcome="spoken"))
        assert case_of(own).first_reply_minutes == 120

    @pytest.mark.parametrize(
        ("change", "arguments", "options"),
        [
            (add_note, (" \n",), {}),
            (reopen_case, (), {}),
            (assign_case, (None,), {}),
            (record_call, (CaseEntry(kind="called", call_outcome="call_again"),), {}),
            (record_call, (CaseEntry(kind="called", next_contact_at=datetime.fromisoformat("2020-01-01T09:00Z")),), {}),
        ],
        ids=["empty note", "not solved", "same owner", "no day", "past day"],
    )
    def test_what_makes_no_sense_is_refused(self, own, change, arguments, options):
        create_detractor_case(own)
        with pytest.raises(CaseUnchanged):
            work(own, change, *arguments, **options)

    def test_a_solved_own_case_is_followed_by_the_recovery_survey(self, own):
        create_detractor_case(own)
        work(own, solve_case)
        assert recovery_decisions(own) == [("yes", "surveyed")]
        work(own, reopen_case)
        own.clock.forward("3d")
        own.run()
        assert case_of(own).state == "open"
        assert [mail.list_id for mail in own.post.sent("survey") if "recovery" in mail.list_id] == []


class TestTickets:
    def test_the_ticket_is_told_with_state_and_assignee(self, application):
        create_detractor_case(application)
        work(application, assign_case, "carla@example.com")
        work(application, solve_case, remedies=("compensation",), text="Bon de 20 €")
        assigned, solved = application.desk.updates[-2:]
        assert (assigned.state, assigned.assignee) == ("open", "carla@example.com")
        assert (solved.state, solved.assignee) == ("solved", "carla@example.com")
        assert "Bon de 20 €" in solved.body
        assert "Geste commercial" in solved.body

    def test_the_helpdesk_that_repeats_the_solution_changes_nothing(self, application):
        create_detractor_case(application)
        work(application, solve_case)
        before = case_of(application)
        application.clock.forward("5m")
        send_ticket_event(application, "ticket.solved")
        after = case_of(application)
        assert (after.revision, after.solved_at, after.solved_by) == (before.revision, before.solved_at, ANNA.name)
        assert recovery_decisions(application) == [("yes", "surveyed")]

    def test_a_ticket_that_is_reopened_reopens_the_case(self, application):
        create_detractor_case(application)
        work(application, solve_case)
        application.clock.forward("5m")
        send_ticket_event(application, "ticket.reopened")
        assert (case_of(application).state, case_of(application).solved_by) == ("open", None)

    def test_a_ticket_that_is_opened_later_joins_the_case_and_hears_what_was_done(self, build):
        without_helpdesk = build(routes=ALERT_ONLY)
        token = without_helpdesk.surveyed()
        without_helpdesk.answer(token, 4)
        without_helpdesk.run()
        work(without_helpdesk, assign_case, "carla@example.com")
        without_helpdesk.clock.forward("1m")
        work(without_helpdesk, add_note, "Client depuis 2019")
        without_helpdesk.clock.forward("1h")

        application = build()
        application.answer(token, 1, "Toujours rien")
        application.run()
        case = case_of(application)
        assert (case.connection, case.ticket_id) == ("helpdesk", "EventfulHelpdesk-1-0")
        assert [update.assignee for update in application.desk.updates] == ["carla@example.com"] * 2
        assert "Client depuis 2019" in application.desk.updates[-1].body

        application.clock.forward("1h")
        send_ticket_event(application, "ticket.solved", case.ticket_id)
        assert case_of(application).state == "solved"
        work(application, reopen_case)
        assert application.desk.updates[-1].state == "open"


class TestReviewInvitations:
    """Nobody is asked for a public review while their case is open, with a ticket or without one."""

    ROUTES = (
        *ALERT_ONLY,
        {"on": "any", "do": "invite_review", "via": "stars", "lead": "help", "delay": "3d"},
    )

    def mails(self, application):
        return application.post.sent("review_invitation")

    def test_the_mail_waits_until_the_own_case_is_solved(self, build):
        application = build(routes=list(self.ROUTES), recovery={"survey": None})
        create_detractor_case(application)
        application.clock.forward("5d")
        application.run()
        assert self.mails(application) == []
        [row] = application.deliveries("invite_review")
        assert (row.state, row.hold_code) == ("pending", HoldCode.TICKET_OPEN)
        work(application, solve_case)
        assert len(self.mails(application)) == 1

    def test_it_waits_fourteen_days_at_most(self, build):
        application = build(routes=list(self.ROUTES), recovery={"survey": None})
        create_detractor_case(application)
        application.clock.forward("15d")
        application.run()
        assert len(self.mails(application)) == 1


class TestReminders:
    def wait(self, application, *, until: date):
        """Let time pass to the evening of a day, with the work of each evening."""
        while application.clock().date() < until:
            application.clock.forward("1d")
            application.clock.forward(timedelta(hours=20 - application.clock().hour))
            application.run()

    def test_the_owner_is_reminded_once_and_a_second_address_a_working_day_later(self, build):
        application = build(routes=ALERT_ONLY, cases={**OWNED, "escalate_to": "boss@example.com"})
        case = create_detractor_case(application, fields={"rep": "7"})
        self.wait(application, until=case.deadline.date())
        assert [mail.to.email for mail in application.post.sent("fallback")] == ["ben@example.com"]
        self.wait(application, until=case.deadline.date() + timedelta(days=5))
        assert [mail.to.email for mail in application.post.sent("fallback")] == ["ben@example.com", "boss@example.com"]

    def test_alert_and_reminder_lead_to_the_page_of_the_case_once_the_console_has_a_user(self, build):
        own = build(routes=ALERT_ONLY, cases=OWNED, limits=OFTEN)
        page = "https://nps.example.com/console/cases/"
        own.answer(own.surveyed(), 2)
        own.clock.forward("1m")
        own.run()
        assert page not in own.bell.items[-1].body
        add_console_user(own)
        own.clock.forward("40d")
        own.answer(own.surveyed(fields={"rep": "7"}), 2)
        own.clock.forward("1m")
        own.run()
        alert = own.bell.items[-1]
        assert alert.link.startswith(page)
        assert alert.link in alert.body
        self.wait(own, until=cases(own)[-1].deadline.date())
        [reminder] = [mail for mail in own.post.sent("fallback") if mail.to.email == "ben@example.com"]
        assert alert.link in reminder.text

    def test_without_owner_and_team_the_fallback_address_is_told_once(self, build):
        application = build(routes=ALERT_ONLY[:1])
        case = create_detractor_case(application)
        self.wait(application, until=case.deadline.date() + timedelta(days=5))
        assert [mail.to.email for mail in application.post.sent("fallback")] == ["care@example.com"]

    def test_a_call_that_was_agreed_replaces_the_deadline(self, build):
        application = build(routes=ALERT_ONLY[:1])
        case = create_detractor_case(application)
        next_call = case.deadline + timedelta(days=3)
        work(application, record_call, CaseEntry(kind="called", call_outcome="call_again", next_contact_at=next_call))
        self.wait(application, until=case.deadline.date() + timedelta(days=1))
        assert application.post.sent("fallback") == []
        self.wait(application, until=next_call.date())
        assert len(application.post.sent("fallback")) == 1

    def test_a_case_that_is_solved_meanwhile_reminds_nobody(self, own):
        create_detractor_case(own, fields={"rep": "7"})
        work(own, solve_case)
        own.clock.forward("9d")
        own.run()
        assert reminders(own) == []


def test_explain_tells_what_staff_did_and_who(own):
    create_detractor_case(own)
    work(own, assign_case, "ben@example.com")
    own.clock.forward("1m")
    work(own, record_call, CaseEntry(kind="called", call_outcome="not_reached"))
    own.clock.forward("1m")
    work(own, solve_case, remedies=("apology",), text="Sent a new one")
    with own.ledger.read() as session:
        row = session.execute(select(CaseRow)).scalars().one()
        entries = [entry for entry in explain_response(session, row.response_id).entries if entry.kind == "case"]
    assert [entry.text for entry in entries][1:] == [
        "case assigned",
        "customer called: not reached",
        "case solved after 2 minutes by anna@example.com: no ticket; done: apology",
    ]
    assert {entry.facts["by"] for entry in entries if "work" in entry.facts} == {"anna@example.com"}


def test_calls_are_listed_by_what_was_agreed_and_solved_cases_are_not(build):
    application = build(routes=ALERT_ONLY[:1], cases={"phone_field": "phone"}, limits=OFTEN)
    first = create_detractor_case(application, fields={"phone": "+33 6 12 34 56 78"})
    call_at = first.deadline + timedelta(days=2)
    work(application, record_call, CaseEntry(kind="called", call_outcome="call_again", next_contact_at=call_at))
    application.clock.forward("40d")
    application.answer(application.surveyed(fields={"phone": "+33 6 12 34 56 78"}), 5)
    application.run()
    with application.ledger.read() as session:
        calls = load_calls(application.ctx, session, limit=10)
        assert count_calls(session) == 2
        assert [(call.due_at == call_at, call.is_overdue) for call in calls] == [(True, True), (False, False)]
        assert (calls[0].score, calls[0].phone) == (2, "+33 6 12 34 56 78")
        assert len(load_calls(application.ctx, session, limit=1)) == 1
    work_on = cases(application)[0].id
    with application.ledger.write() as session:
        solve_case(application.ctx, session, lock_case_by_id(session, work_on), ANNA)
    with application.ledger.read() as session:
        assert [call.score for call in load_calls(application.ctx, session, limit=10)] == [5]
        assert count_calls(session) == 1


def test_notes_about_a_customer_are_exported_erased_and_kept_as_long_as_comments(own):
    create_detractor_case(own)
    work(own, add_note, "Marie a perdu son colis")

    def load_texts():
        with own.ledger.read() as session:
            return session.execute(select(CaseEntryRow.text).order_by(CaseEntryRow.id)).scalars().all()

    with own.ledger.read() as session:
        contact = session.get_one(ContactRow, case_of(own).contact_id)
        [entry] = export_contacts(own.ctx, session, [contact])["case_entries"]
    assert (entry["kind"], entry["text"]) == ("note", "Marie a perdu son colis")
    progress: dict = {}
    for days, expected in (("729d", "Marie a perdu son colis"), ("3d", None)):
        own.clock.forward(days)
        while apply_retention(own.ctx, progress) == STEP_INTERVAL:
            pass
        assert load_texts() == [expected]
    work(own, add_note, "Rappelée")
    with own.ledger.write() as session:
        erase_contacts(own.ctx, session, [session.get_one(ContactRow, contact.id)], source="test")
    assert load_texts() == [None, None]
