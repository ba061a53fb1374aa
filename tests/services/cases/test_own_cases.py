"""Cases without a helpdesk, and what staff do about any case."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select
from support.recovery_scenarios import case_of, create_detractor_case, recovery_decisions, send_ticket_event

from nps_connect.ledger.audit_log import Actor, AuditRow
from nps_connect.ledger.cases import CaseEntryRow, CaseRow
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

ANNA = Actor("console", "anna@example.com")
ALERT_ONLY = [{"on": "any", "do": "write_score", "via": "crm"}, {"on": "detractor", "do": "send_alert", "via": "team"}]
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

    def test_a_ticket_of_a_later_route_joins_the_case(self, own, build):
        token = own.surveyed()
        own.answer(token, 2)
        own.run()
        case = case_of(own)
        with_helpdesk = build()
        with_helpdesk.clock.forward("1h")
        with_helpdesk.answer(token, 1)
        with_helpdesk.run()
        [joined] = cases(with_helpdesk)
        assert (joined.id, joined.opened_at, joined.connection) == (case.id, case.opened_at, "helpdesk")
        assert joined.ticket_id is not None

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
