"""Planned actions of a response."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps_connect.app.actions import ACTIONS
from nps_connect.records.actions import Action
from nps_connect.records.responses import Response, segment_of
from nps_connect.rules.routing import plan_actions
from nps_connect.settings.model import Route

SECONDS = timedelta(seconds=1)
ROUTES = [
    Route(on="any", do="write_score", via="crm", comment="link"),
    Route(on="promoter", do="invite_review", via="reviews", delay="2h"),
    Route(on=["passive", "detractor"], do="invite_review", via="reviews", lead="help", delay="3d"),
    Route(on="detractor", do="open_ticket", via="helpdesk"),
    Route(on="detractor", do="send_alert", via="team", surveys=["after-purchase"]),
]


def build_response(score, **fields):
    return Response(
        id="r1",
        revision=1,
        survey=fields.pop("survey", "after-purchase"),
        touchpoint="purchase",
        score=score,
        language="fr",
        answered_at=datetime(2026, 5, 1, tzinfo=UTC),
        **fields,
    )


GRACE_PERIODS = {action: spec.grace_period for action, spec in ACTIONS.items()}


def plan(score, *, is_final=False, routes=ROUTES, **fields):
    grace_periods = {} if is_final else GRACE_PERIODS
    return {
        (action.action, action.via): action
        for action in plan_actions(routes, response=build_response(score, **fields), grace_periods=grace_periods)
    }


def test_a_promoter_leads_to_score_and_invitation_only():
    actions = plan(9)
    assert list(actions) == [("write_score", "crm"), ("invite_review", "reviews")]
    assert actions["invite_review", "reviews"].lead == "review"
    assert actions["invite_review", "reviews"].delay == timedelta(hours=2)
    assert actions["write_score", "crm"].comment == "link"


def test_a_detractor_leads_to_ticket_alert_and_help_mail():
    actions = plan(3)
    assert {action for action, _ in actions} == {"write_score", "invite_review", "open_ticket", "send_alert"}
    assert actions["invite_review", "reviews"].lead == "help"
    assert actions["invite_review", "reviews"].route == 2
    assert actions["open_ticket", "helpdesk"].delay == 20 * SECONDS
    assert actions["send_alert", "team"].delay == 20 * SECONDS
    assert actions["write_score", "crm"].delay == 60 * SECONDS


def test_the_send_button_ends_the_grace_period_but_not_a_routes_delay():
    actions = plan(3, is_final=True)
    assert actions["open_ticket", "helpdesk"].delay == timedelta(0)
    assert actions["write_score", "crm"].delay == timedelta(0)
    assert actions["invite_review", "reviews"].delay == timedelta(days=3)


def test_a_route_may_be_limited_to_surveys():
    assert ("send_alert", "team") not in plan(3, survey="after-support")


def test_do_not_contact_prevents_the_review_mail_but_not_the_ticket():
    actions = plan(3, do_not_contact=True)
    assert ("invite_review", "reviews") not in actions
    assert ("open_ticket", "helpdesk") in actions


def test_two_routes_to_one_action_on_one_connection_plan_it_once():
    routes = [
        Route(on="detractor", do="open_ticket", via="helpdesk", delay="1m"),
        Route(on="any", do="open_ticket", via="helpdesk"),
        Route(on="any", do="open_ticket", via="helpdesk-eu"),
    ]
    actions = plan(2, routes=routes)
    assert [action.route for action in actions.values()] == [0, 2]
    assert actions["open_ticket", "helpdesk"].delay == timedelta(minutes=1)


@pytest.mark.parametrize("action", get_args(Action))
def test_a_final_submission_has_no_grace_period(action):
    routes = [Route(on="any", do="write_score", via="any").model_copy(update={"do": action})]
    assert plan(3, is_final=True, routes=routes)[action, "any"].delay == timedelta(0)
    assert plan(3, is_final=False, routes=routes)[action, "any"].delay <= timedelta(minutes=1)


routes = st.lists(
    st.builds(
        Route,
        on=st.lists(st.sampled_from(["promoter", "passive", "detractor"]), min_size=1, unique=True),
        do=st.sampled_from(["write_score", "open_ticket", "send_alert"]),
        via=st.sampled_from(["crm", "helpdesk", "team"]),
        surveys=st.sampled_from([(), ("after-purchase",), ("other",)]),
    ),
    max_size=6,
)


@given(routes, st.integers(0, 10), st.booleans())
def test_the_actions_of_all_matching_routes_are_planned_once_each(configured, score, is_final):
    expected = {
        (route.do, route.via) for route in configured if segment_of(score) in route.on and "other" not in route.surveys
    }
    actions = plan_actions(configured, response=build_response(score), grace_periods={} if is_final else GRACE_PERIODS)
    assert {(action.action, action.via) for action in actions} == expected
    assert len(actions) == len(expected)
