"""Cases: opened with the ticket, solved and reopened by the helpdesk, followed up once, recovered by a better score."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
from sqlalchemy import select
from support.house import House
from support.vendors import EXAMPLE, Desk

from nps_connect import (
    ActionInfo,
    ConnectionSettings,
    ConnectorInfo,
    Event,
    EventKind,
    Rejected,
    Veto,
    WebhookRequest,
    fact_key,
    hookimpl,
)
from nps_connect.ledger.cases import CaseRow
from nps_connect.ledger.tables import DecisionRow, InvitationRow

KINDS = ("ticket.solved", "ticket.reopened", "ticket.closed")


class TellingDesk(Desk):
    """A helpdesk that tells what becomes of its tickets; it refuses surveys about tickets of ours."""

    vetoing: str | None = None

    @hookimpl
    def nps_connector(self):
        return ConnectorInfo(
            name="desk",
            title="Desk",
            settings=ConnectionSettings,
            actions=(
                ActionInfo(action="open_ticket", doubt="look"),
                ActionInfo(action="update_ticket", doubt="resend"),
            ),
            events=tuple(EventKind(name=name, description="A ticket changes.", open_fields=True) for name in KINDS),
            webhooks=True,
            example=EXAMPLE,
        )

    @hookimpl
    def nps_verify_webhook(self, connection, request):
        pass

    @hookimpl
    def nps_parse_events(self, connection, request):
        return [Event.model_validate(one) for one in json.loads(request.body)]

    @hookimpl
    def nps_veto_survey(self, event, contact, survey):
        if event.kind.startswith("ticket."):
            return Veto(reason="our own ticket")
        return Veto(reason=self.vetoing) if self.vetoing else None


SETTINGS = {
    "connections": {"helpdesk": {"plugin": "desk", "events": "webhook"}},
    "recovery": {"survey": "after-recovery", "delay": "3d"},
    "surveys": {"after-recovery": {"channel": "mail"}},
    "limits": {"quiet_hours": "off", "quiet_days": []},
}


@pytest.fixture
def build(ledger, clock):
    def make(**change):
        desk = TellingDesk()
        house = House(ledger, clock, {**SETTINGS, **change}, desk=desk)
        house.desk = desk
        return house

    return make


@pytest.fixture
def house(build):
    return build()


def tell(house, kind, ticket="TellingDesk-1-0", *, at=None, **fields):
    moment = at or house.clock()
    fact = {
        "key": fact_key(kind, ticket, moment),
        "kind": kind,
        "object_id": ticket,
        "occurred_at": moment.isoformat(),
        "fields": fields,
    }
    request = WebhookRequest(
        method="POST",
        url="https://nps.example.com/hooks/helpdesk",
        headers={},
        body=json.dumps([fact]).encode(),
        received_at=house.clock(),
    )
    house.doors.accept_webhook("helpdesk", request)
    house.run()


def case_of(house) -> CaseRow:
    with house.ledger.read() as session:
        return session.execute(select(CaseRow).order_by(CaseRow.id)).scalars().one()


def reason(house):
    with house.ledger.read() as session:
        found = session.execute(select(DecisionRow).where(DecisionRow.trigger.like("%case.solved%"))).scalars().all()
        return [(one.verdict, one.reason) for one in found]


def detractor(house, score=2, **more):
    """A detractor's ticket exists."""
    house.answer(house.surveyed(**more), score, "Personne ne répond")
    house.run()
    return case_of(house)


def followed_up(house):
    """The ticket was solved and the follow-up has gone out; gives its token."""
    house.clock.forward("2h")
    tell(house, "ticket.solved")
    house.clock.forward("3d")
    house.run()
    mail = house.post.sent("survey")[-1]
    assert mail.list_id.startswith("after-recovery.")
    return re.search(r"/s/([\w.-]+)", mail.text)[1]


def test_a_ticket_opens_a_case_with_its_deadline(build):
    house = build(cases={"owner_field": "owner"})
    case = detractor(house, fields={"owner": "17"})
    assert (case.state, case.connection, case.ticket_id, case.owner) == ("open", "helpdesk", "TellingDesk-1-0", "17")
    assert case.deadline == house.desk.items[0].deadline
    assert case.opened_at == house.clock()


def test_no_ticket_no_case(house):
    house.desk.raising = [Rejected("no")]
    house.answer(house.surveyed(), 2)
    house.answer(house.surveyed("2", "paul@example.com"), 9)
    house.run()
    with house.ledger.read() as session:
        assert session.execute(select(CaseRow)).scalars().all() == []


def test_a_solved_ticket_solves_its_case_with_the_helpdesks_times(house):
    detractor(house)
    house.clock.forward("5h")
    tell(house, "ticket.solved", first_reply_minutes=42, solve_minutes=299)
    case = case_of(house)
    assert (case.state, case.first_reply_minutes, case.solve_minutes) == ("solved", 42, 299)
    assert case.solved_at == house.clock()


def test_without_measured_times_the_time_to_solve_is_our_own(house):
    detractor(house)
    house.clock.forward("5h")
    tell(house, "ticket.closed")
    case = case_of(house)
    assert (case.state, case.first_reply_minutes, case.solve_minutes) == ("solved", None, 300)


def test_a_reopened_ticket_opens_its_case_again(house):
    detractor(house)
    house.clock.forward("1h")
    tell(house, "ticket.solved")
    house.clock.forward("1h")
    tell(house, "ticket.reopened")
    case = case_of(house)
    assert (case.state, case.solved_at, case.reopened) == ("open", None, 1)
    house.clock.forward("1h")
    tell(house, "ticket.solved", solve_minutes=180)
    assert (case_of(house).state, case_of(house).solve_minutes) == ("solved", 180)


def test_older_news_do_not_undo_newer_ones(house):
    opened = detractor(house).opened_at
    house.clock.forward("3h")
    tell(house, "ticket.solved", at=opened + timedelta(hours=2))
    tell(house, "ticket.reopened", at=opened + timedelta(hours=1))
    assert case_of(house).state == "solved"


def test_other_tickets_are_none_of_our_cases(house):
    detractor(house)
    tell(house, "ticket.solved", ticket="another")
    assert case_of(house).state == "open"


def test_what_an_unhappy_customer_adds_after_the_solution_opens_the_case_again(house):
    token = house.surveyed()
    house.answer(token, 2)
    house.run()
    tell(house, "ticket.solved")
    house.clock.forward("1h")
    house.answer(token, 1, "Toujours rien")
    house.run()
    assert (case_of(house).state, case_of(house).reopened) == ("open", 1)


def test_the_loop_detractor_ticket_solved_follow_up_promoter(house):
    detractor(house)
    token = followed_up(house)
    house.answer(token, 9, "Merci, tout est réglé")
    house.run()
    case = case_of(house)
    assert (case.recovered_score, case.recovered_at) == (9, house.clock())
    update = house.desk.updates[-1]
    assert update.ticket_id == "TellingDesk-1-0"
    assert "nps-recovered" in update.tags
    assert (update.priority, update.response.score) == ("low", 9)
    assert "Merci, tout est réglé" in update.body
    assert len(house.desk.tickets) == 1
    assert reason(house) == [("yes", "surveyed")]


def test_the_follow_up_is_exempt_from_the_cooldown_and_starts_it_anew(house):
    detractor(house)
    followed_up(house)
    house.clock.forward("89d")
    house.webhook(house.won("1", deal="another"))
    house.run()
    with house.ledger.read() as session:
        decision = session.execute(select(DecisionRow).order_by(DecisionRow.id.desc())).scalars().first()
    assert (decision.verdict, decision.reason) == ("no", "cooldown")


def test_a_recovery_that_is_taken_back_is_none(house):
    detractor(house)
    token = followed_up(house)
    house.answer(token, 8)
    house.clock.forward("5m")
    house.answer(token, 3)
    assert case_of(house).recovered_at is None
    house.clock.forward("1m")
    house.run()
    assert house.desk.updates == []
    assert len(house.desk.tickets) == 2


def test_a_second_detractor_answer_is_a_case_without_another_follow_up(house):
    detractor(house)
    house.answer(followed_up(house), 3, "Encore")
    house.run()
    house.clock.forward("1h")
    tell(house, "ticket.solved", ticket="TellingDesk-2-0")
    assert reason(house) == [("yes", "surveyed"), ("no", "cooldown")]


def test_a_detractor_who_corrects_the_answer_is_recovered_without_a_follow_up(house):
    token = house.surveyed()
    house.answer(token, 2)
    house.run()
    house.clock.forward("5m")
    house.answer(token, 9)
    house.run()
    assert case_of(house).recovered_score == 9
    tell(house, "ticket.solved")
    assert reason(house) == [("no", "filter")]


def test_a_reopened_ticket_calls_the_follow_up_off_and_the_next_solution_plans_it_again(house):
    detractor(house)
    tell(house, "ticket.solved")
    house.clock.forward("1d")
    tell(house, "ticket.reopened")
    house.clock.forward("3d")
    house.run()
    assert len(house.post.sent("survey")) == 1
    tell(house, "ticket.solved")
    house.clock.forward("3d")
    house.run()
    assert len(house.post.sent("survey")) == 2


def test_a_ticket_solved_twice_is_followed_up_once(house):
    detractor(house)
    followed_up(house)
    tell(house, "ticket.reopened")
    house.clock.forward("1h")
    tell(house, "ticket.solved")
    house.clock.forward("5d")
    house.run()
    assert len(house.post.sent("survey")) == 2
    assert reason(house) == [("yes", "surveyed"), ("no", "cooldown")]


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_opt_out_has_the_last_word(house, when):
    detractor(house)
    token = house.token("marie@example.com", "u")
    if when == "before":
        house.doors.unsubscribe(token)
    tell(house, "ticket.solved")
    if when == "after":
        house.doors.unsubscribe(token)
    house.clock.forward("4d")
    house.run()
    assert len(house.post.sent("survey")) == 1
    assert reason(house) == ([("no", "suppressed")] if when == "before" else [("yes", "surveyed")])


def test_an_opt_out_in_the_crm_counts_when_the_mail_is_due(house):
    detractor(house)
    tell(house, "ticket.solved")
    house.crm.knows("1", "marie@example.com", opted_out=True)
    house.clock.forward("4d")
    house.run()
    assert len(house.post.sent("survey")) == 1


def test_who_asked_not_to_be_contacted_is_not(house):
    house.answer(house.surveyed(), 2, no_contact=True)
    house.run()
    tell(house, "ticket.solved")
    assert reason(house) == [("no", "opted_out")]


def test_a_plugin_may_refuse_the_follow_up_but_not_for_the_ticket_being_our_own(house):
    detractor(house)
    house.desk.vetoing = "a lawsuit"
    tell(house, "ticket.solved")
    assert reason(house) == [("no", "veto")]


def test_an_old_solution_leads_to_nothing(house):
    opened = detractor(house).opened_at
    house.clock.forward("10d")
    tell(house, "ticket.solved", at=opened + timedelta(hours=1))
    assert case_of(house).state == "solved"
    assert reason(house) == [("no", "too_old")]


def test_without_the_setting_nobody_is_followed_up(build):
    house = build(recovery={})
    detractor(house)
    tell(house, "ticket.solved")
    house.clock.forward("10d")
    house.run()
    assert reason(house) == []
    with house.ledger.read() as session:
        assert len(session.execute(select(InvitationRow)).scalars().all()) == 1


class TestOverdue:
    def alerts(self, house):
        return [alert for alert in house.bell.items if alert.title.startswith("En retard")]

    def test_staff_are_told_once_when_the_deadline_has_passed(self, house):
        case = detractor(house)
        house.clock.forward("23h")
        house.run()
        assert self.alerts(house) == []
        for _ in range(3):
            house.clock.forward("2d")
            house.run()
        (alert,) = self.alerts(house)
        assert "Marie" in alert.title or "marie@example.com" in alert.title
        assert "ticket est toujours ouvert" in alert.body
        assert case_of(house).overdue_told_at > case.deadline

    def test_a_solved_case_is_never_late(self, house):
        detractor(house)
        tell(house, "ticket.solved")
        house.clock.forward("5d")
        house.run()
        assert self.alerts(house) == []

    def test_by_setting_nobody_is_told(self, build):
        house = build(cases={"alert_when_overdue": False})
        detractor(house)
        house.clock.forward("5d")
        house.run()
        assert self.alerts(house) == []

    def test_a_helpdesk_that_tells_nothing_makes_nobody_late(self, build):
        house = build(connections={"helpdesk": {"plugin": "desk", "events": "none"}}, recovery={})
        detractor(house)
        house.clock.forward("5d")
        house.run()
        assert self.alerts(house) == []

    def test_without_an_alert_route_the_fallback_address_is_told(self, build):
        routes = [{"on": "detractor", "do": "open_ticket", "via": "helpdesk"}]
        house = build(routes=routes)
        detractor(house)
        house.clock.forward("5d")
        house.run()
        (mail,) = house.post.sent("fallback")
        assert mail.to.email == "care@example.com"
        assert "ticket est toujours ouvert" in mail.text


def test_priorities_follow_the_setting(build):
    house = build(cases={"urgent_up_to": 0, "high_up_to": 2})
    detractor(house, 1)
    assert house.desk.items[0].priority == "high"
