"""The actions of all features, joined into one mapping."""

from __future__ import annotations

from datetime import timedelta
from typing import get_args

import pytest

from nps_connect.app.actions import ACTIONS, join_actions
from nps_connect.errors import ConfigError
from nps_connect.hookspecs.validation import signatures
from nps_connect.records.actions import Action
from nps_connect.services.action_spec import ActionHandler


def test_every_action_has_one_specification_with_a_known_hook():
    assert ACTIONS.keys() == set(get_args(Action))
    assert {spec.hook for spec in ACTIONS.values()} <= signatures().keys()
    assert len({spec.priority for spec in ACTIONS.values()}) == len(ACTIONS)


@pytest.mark.parametrize("action", get_args(Action))
def test_every_action_has_a_handler_of_its_own(action):
    others = [spec.handler for name, spec in ACTIONS.items() if name != action]
    assert isinstance(ACTIONS[action].handler, ActionHandler)
    assert ACTIONS[action].handler not in others


def test_a_missing_or_repeated_action_is_a_configuration_error():
    specs = list(ACTIONS.values())
    with pytest.raises(ConfigError, match="without a specification"):
        join_actions(specs[1:])
    with pytest.raises(ConfigError, match="twice"):
        join_actions([*specs, specs[0]])


def test_alarms_and_tickets_precede_mail_and_scores():
    assert list(ACTIONS) == [
        "send_fallback",
        "open_ticket",
        "update_ticket",
        "send_alert",
        "send_case_reminder",
        "send_survey",
        "send_reminder",
        "write_score",
        "invite_review",
        "write_opt_out",
        "erase_contact",
        "write_case_outcome",
        "send_webhook",
        "send_digest",
    ]


def test_customer_mail_and_digests_in_doubt_are_held_and_everything_else_is_resent():
    customer_facing = {name for name, spec in ACTIONS.items() if spec.customer_facing}
    assert customer_facing == {"send_survey", "send_reminder", "invite_review"}
    assert {name for name, spec in ACTIONS.items() if spec.in_doubt == "hold"} == {*customer_facing, "send_digest"}


@pytest.mark.parametrize("action", get_args(Action))
def test_every_action_has_a_plan_with_growing_delays(action):
    plan = ACTIONS[action].retry_plan
    assert list(plan.delays) == sorted(plan.delays)
    assert sum(plan.delays, timedelta()) >= plan.total / 2


def test_a_ticket_is_retried_three_times_within_a_minute_and_for_three_days():
    assert sum(ACTIONS["open_ticket"].retry_plan.delays[:3], timedelta()) <= timedelta(minutes=1)
    assert ACTIONS["open_ticket"].retry_plan.total == timedelta(days=3)
