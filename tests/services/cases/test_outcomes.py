"""What becomes of a case is written to the contact records that have the score."""

from __future__ import annotations

import pytest
from support.application import ApplicationHarness
from support.fake_vendors import FakeCrm
from support.recovery_scenarios import (
    RECOVERY_CONFIG,
    EventfulHelpdesk,
    case_of,
    create_detractor_case,
    send_recovery_survey,
    send_ticket_event,
)

from nps_connect import ActionInfo, Receipt, SetupMissing, hookimpl
from nps_connect.services.operations.data_requests import erase_person, find_person


class OutcomeCrm(FakeCrm):
    """A CRM that can hold outcomes of cases.

    Attributes:
        outcomes: the outcomes that were written.
        refusing_outcomes: what the next writes raise.
    """

    def __init__(self) -> None:
        super().__init__()
        self.outcomes: list[object] = []
        self.refusing_outcomes: list[Exception] = []

    @hookimpl
    def nps_connector(self):
        info = super().nps_connector()
        actions = (*info.actions, ActionInfo(action="write_case_outcome", batch_size=100))
        return info.model_copy(update={"actions": actions})

    @hookimpl
    def nps_write_case_outcomes(self, connection, outcomes):
        if self.refusing_outcomes:
            raise self.refusing_outcomes.pop(0)
        self.outcomes += outcomes
        return [Receipt(id=outcome.contact.id) for outcome in outcomes]

    @property
    def states(self) -> list[tuple[str, int]]:
        return [(outcome.state, outcome.revision) for outcome in self.outcomes]


@pytest.fixture
def build(ledger, clock):
    def build_application(**change):
        crm, desk = OutcomeCrm(), EventfulHelpdesk()
        application = ApplicationHarness(ledger, clock, {**RECOVERY_CONFIG, **change}, acme=crm, desk=desk)
        application.crm, application.desk = crm, desk
        return application

    return build_application


@pytest.fixture
def application(build):
    return build()


def test_each_change_of_a_case_is_written_with_its_time_and_agent(application):
    opened = create_detractor_case(application)
    application.clock.forward("2h")
    send_ticket_event(application, "ticket.solved", agent_name="Zoë Łukasiewicz")
    solved_at = application.clock()
    application.clock.forward("1h")
    send_ticket_event(application, "ticket.reopened")
    first, second, third = application.crm.outcomes
    assert (first.state, first.changed_at, first.handled_by) == ("open", opened.opened_at, None)
    assert (first.contact.id, first.response.score, first.deadline) == ("1", 2, opened.deadline)
    assert first.ticket_link == "https://vendor.example.com/EventfulHelpdesk-1-0"
    assert (second.state, second.changed_at, second.handled_by) == ("solved", solved_at, "Zoë Łukasiewicz")
    assert (third.state, third.changed_at, third.handled_by) == ("open", application.clock(), None)
    assert [outcome.revision for outcome in application.crm.outcomes] == [1, 2, 3]
    assert {outcome.opened_at for outcome in application.crm.outcomes} == {opened.opened_at}


def test_a_recovered_customer_and_a_withdrawn_recovery_are_written(application):
    create_detractor_case(application)
    token = send_recovery_survey(application)
    application.answer(token, 9, "Merci")
    application.run()
    recovered = application.crm.outcomes[-1]
    assert (recovered.state, recovered.recovered_score, recovered.response.score) == ("recovered", 9, 2)
    assert recovered.changed_at == case_of(application).recovered_at
    application.clock.forward("5m")
    application.answer(token, 8)
    application.run()
    assert application.crm.outcomes[-1].recovered_score == 8
    assert application.crm.states == [("open", 1), ("solved", 2), ("recovered", 3), ("recovered", 4)]


def test_a_new_comment_of_a_detractor_that_reopens_the_case_is_written(application):
    token = application.surveyed()
    application.answer(token, 2)
    application.run()
    send_ticket_event(application, "ticket.solved")
    application.clock.forward("1h")
    application.answer(token, 1, "Toujours rien")
    application.run()
    assert application.crm.states == [("open", 1), ("solved", 2), ("open", 3)]


def test_a_state_that_was_not_written_yet_is_replaced_by_the_newer_one(application):
    application.crm.refusing_outcomes = [SetupMissing("a property is missing")]
    create_detractor_case(application)
    send_ticket_event(application, "ticket.solved")
    assert [row.cancel_code for row in application.deliveries("write_case_outcome")] == ["superseded", None]
    assert application.crm.scores == {"1": 2}


def test_a_resent_event_writes_nothing_again(application):
    create_detractor_case(application)
    at = application.clock()
    for _ in range(2):
        send_ticket_event(application, "ticket.solved", at=at)
    assert application.crm.states == [("open", 1), ("solved", 2)]


@pytest.mark.parametrize(
    "change",
    [
        {"cases": {"write_outcome": False}},
        {"routes": [{"on": "detractor", "do": "open_ticket", "via": "helpdesk"}]},
    ],
    ids=["switched off", "no route writes the score"],
)
def test_nothing_is_written_where_it_is_not_wanted(build, change):
    application = build(**change)
    create_detractor_case(application)
    send_ticket_event(application, "ticket.solved")
    assert application.deliveries("write_case_outcome") == []
    disabled = application.ctx.connections["crm"].disabled_actions
    assert disabled == ({"write_case_outcome"} if "cases" in change else set())


def test_a_record_without_the_score_gets_no_outcome(build):
    routes = [
        {"on": ["promoter", "passive"], "do": "write_score", "via": "crm"},
        {"on": "detractor", "do": "open_ticket", "via": "helpdesk"},
    ]
    application = build(routes=routes)
    create_detractor_case(application)
    assert application.deliveries("write_case_outcome") == []


def test_an_erased_persons_case_is_written_nowhere(application):
    create_detractor_case(application)
    send_ticket_event(application, "ticket.solved", agent_name="Anna")
    application.crm.outcomes.clear()
    with application.ledger.write() as session:
        reference = find_person(session, "marie@example.com", list(application.ctx.connections))
        erase_person(application.ctx, session, reference)
    assert case_of(application).handled_by is None
    application.clock.forward("1h")
    send_ticket_event(application, "ticket.reopened")
    assert application.crm.outcomes == []
