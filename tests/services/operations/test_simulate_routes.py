"""Simulated routes do with recorded responses what the routes of the configuration do."""

from datetime import timedelta

import pytest
from support.application import CONFIGURATION, ApplicationHarness
from support.clock import START

from nps_connect.services.operations.simulate_routes import compare_actions, simulate_routes

ROUTES = CONFIGURATION["routes"]


@pytest.fixture
def application(ledger, clock) -> ApplicationHarness:
    """Marie scored 10, Paul 8 and Jean 2."""
    application = ApplicationHarness(ledger, clock)
    for person, score in (("1", 10), ("2", 8), ("3", 2)):
        application.answer(application.surveyed(person, f"{person}@example.com"), score, "a comment")
    return application


def simulated(application, routes=ROUTES, since=START):
    return simulate_routes(ApplicationHarness(application.ledger, application.clock, {"routes": routes}).ctx, since)


def targets(actions):
    return sorted((action.contact, action.action, action.via) for action in actions)


def test_the_same_routes_plan_what_was_delivered(application):
    delivered = {(row.action, row.options.get("platform", row.connection)) for row in application.deliveries()}
    actions = simulated(application)
    assert {(action.action, action.via) for action in actions} == delivered - {("send_survey", "mail")}
    assert len(actions) == len([row for row in application.deliveries() if row.action != "send_survey"])


def test_a_comparison_names_the_people(application):
    new = [*ROUTES[:1], {**ROUTES[1], "delay": "5h"}, ROUTES[2], {**ROUTES[3], "on": "passive"}]
    difference = compare_actions(simulated(application), simulated(application, new))
    assert targets(difference.added) == [("crm:2", "open_ticket", "helpdesk")]
    assert targets(difference.removed) == [("crm:3", "open_ticket", "helpdesk"), ("crm:3", "send_alert", "team")]
    [(old, moved)] = difference.moved
    assert (moved.contact, moved.due_at - old.due_at) == ("crm:1", timedelta(hours=3))


def test_only_responses_since_the_start_count(application):
    assert simulated(application, since=application.clock() + timedelta(days=1)) == []


def test_a_response_leads_to_one_platform_as_the_weights_say(application):
    never = {**ROUTES[1], "weight": 0, "accept_selective_invitation": "an exception for this test"}
    actions = simulated(application, [ROUTES[0], never, ROUTES[2]])
    assert ("crm:1", "invite_review", "stars") not in targets(actions)
