"""nps_plan_setup and nps_apply_setup: from an empty account to a complete one; idempotent."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from nps_connect import WebhookRequest
from nps_connect_zendesk import nps_apply_setup, nps_parse_events, nps_plan_setup, nps_verify_webhook
from nps_connect_zendesk.simulated import Simulated
from nps_connect_zendesk.simulated.resource_api import SECRET

URL = "https://nps.example.com/hooks/helpdesk"
WEBHOOK = {"events": "webhook", "webhook_secret": SECRET}
FULL = {**WEBHOOK, "custom_fields": {"NPS score": "{score}", "Comment": "{comment}"}, "comment_field": "nps_comment"}


@pytest.fixture
def vendor(clock):
    return Simulated(clock, set_up=False)


def plan(connection):
    return {change.id: change.change for change in nps_plan_setup(connection)}


def apply(connection):
    return [change.id for change in nps_apply_setup(connection, nps_plan_setup(connection))]


def test_apply_completes_an_empty_account(vendor, helpdesk):
    connection = helpdesk(**FULL)
    expected = [
        "user_field:nps_score",
        "user_field:nps_category",
        "user_field:nps_responded_at",
        "user_field:nps_answer",
        "user_field:nps_case_state",
        "user_field:nps_case_changed_at",
        "user_field:nps_case_handled_by",
        "user_field:nps_case",
        "user_field:nps_comment",
        "ticket_field:NPS score",
        "ticket_field:Comment",
        "webhook",
        "trigger:ticket.solved",
        "trigger:ticket.reopened",
        "trigger:ticket.priority_changed",
    ]
    assert plan(connection) == dict.fromkeys(expected, "create")
    assert apply(connection) == expected
    assert plan(connection) == {}
    kinds = {field["key"]: field["type"] for field in vendor.state()["user_fields"]}
    assert kinds["nps_score"] == "integer"
    assert kinds["nps_responded_at"] == "date"
    assert [field["type"] for field in vendor.state()["ticket_fields"]] == ["integer", "text"]


def test_nps_plan_setup_only_reads(vendor, helpdesk, transport):
    nps_plan_setup(helpdesk(**FULL))
    assert {request.method for request in transport.requests} == {"GET"}


def test_nps_apply_setup_is_idempotent(vendor, helpdesk):
    connection = helpdesk(**FULL)
    changes = nps_plan_setup(connection)
    nps_apply_setup(connection, changes)
    before = vendor.state()
    assert nps_apply_setup(connection, changes) == []
    after = vendor.state()
    assert {**before, "requests": 0} == {**after, "requests": 0}


def test_only_planned_changes_are_made(vendor, helpdesk):
    connection = helpdesk()
    (first, *_others) = nps_plan_setup(connection)
    assert [change.id for change in nps_apply_setup(connection, [first])] == ["user_field:nps_score"]
    assert len(vendor.state()["user_fields"]) == 1


def test_no_webhook_is_created_with_polling(helpdesk):
    assert all(change_id.startswith("user_field:") for change_id in plan(helpdesk(events="poll")))


class TestTriggers:
    def test_ticket_events_arrive_through_our_triggers(self, vendor, helpdesk, clock):
        connection = helpdesk(**WEBHOOK)
        apply(connection)
        user = vendor.account.add_user("Ada Example", "ada@example.com")
        kinds = []
        for kind in ("ticket.solved", "ticket.reopened", "ticket.priority_changed"):
            (sent,) = vendor.webhooks(vendor.simulate_event(kind, user["email"]), URL)
            assert "detail" not in json.loads(sent.body)
            request = WebhookRequest(
                method="POST", url=URL, headers=dict(sent.headers), body=sent.body, received_at=clock()
            )
            nps_verify_webhook(connection, request)
            (event,) = nps_parse_events(connection, request)
            assert event.contact_key.value == str(user["id"])
            kinds.append(event.kind)
        assert kinds == ["ticket.solved", "ticket.reopened", "ticket.priority_changed"]

    def test_an_admins_conditions_and_actions_are_kept(self, vendor, helpdesk):
        connection = helpdesk(**WEBHOOK)
        apply(connection)
        trigger = vendor.account.resources["triggers"][0]
        trigger["conditions"]["all"].append({"field": "group_id", "operator": "is", "value": "360"})
        assert plan(connection) == {}
        trigger["active"] = False
        trigger["actions"] = [{"field": "set_tags", "value": "asked"}]
        assert plan(connection) == {"trigger:ticket.solved": "update"}
        apply(connection)
        assert plan(connection) == {}
        assert [action["field"] for action in trigger["actions"]] == ["set_tags", "notification_webhook"]
        assert len(trigger["conditions"]["all"]) == 2

    def test_every_update_of_a_trigger_sends_its_conditions(self, vendor, helpdesk):
        connection = helpdesk(**WEBHOOK)
        apply(connection)
        trigger = vendor.account.resources["triggers"][0]
        trigger["actions"] = [{"field": "notification_webhook", "value": ["01OLD", "{}"]}]
        assert plan(connection) == {"trigger:ticket.solved": "update"}
        apply(connection)
        assert trigger["conditions"]["all"] == [{"field": "status", "operator": "value", "value": "solved"}]

    def test_lost_conditions_are_restored(self, vendor, helpdesk):
        connection = helpdesk(**WEBHOOK)
        apply(connection)
        trigger = vendor.account.resources["triggers"][1]
        trigger["conditions"] = {"all": [], "any": [{"field": "group_id", "operator": "is", "value": "360"}]}
        assert plan(connection) == {"trigger:ticket.reopened": "update"}
        apply(connection)
        assert plan(connection) == {}
        assert len(trigger["conditions"]["any"]) == 1

    def test_no_condition_has_an_empty_value(self, vendor, helpdesk):
        apply(helpdesk(**WEBHOOK))
        conditions = [item for row in vendor.account.resources["triggers"] for item in row["conditions"]["all"]]
        assert None not in [value for condition in conditions for value in condition.values()]


class TestWebhook:
    def test_in_events_mode_the_webhook_subscribes_to_events(self, vendor, helpdesk):
        connection = helpdesk(**WEBHOOK, webhook_mode="events")
        assert apply(connection)[-1] == "webhook"
        (webhook,) = vendor.state()["webhooks"]
        assert "zen:event-type:ticket.status_changed" in webhook["subscriptions"]
        assert webhook["endpoint"] == URL
        assert plan(connection) == {}

    def test_an_inactive_webhook_is_activated(self, vendor, helpdesk):
        connection = helpdesk(**WEBHOOK, webhook_mode="events")
        apply(connection)
        webhook = vendor.account.resources["webhooks"][0]
        webhook |= {"status": "inactive", "subscriptions": ["zen:event-type:user.created"]}
        assert plan(connection) == {"webhook": "update"}
        apply(connection)
        assert plan(connection) == {}
        assert "zen:event-type:user.created" in webhook["subscriptions"]

    def test_another_connection_method_is_blocked(self, vendor, helpdesk):
        apply(helpdesk(**WEBHOOK, webhook_mode="events"))
        connection = helpdesk(**WEBHOOK)
        assert plan(connection)["webhook"] == "blocked"
        assert "webhook" not in apply(connection)

    def test_the_plan_does_not_contain_the_secret(self, helpdesk):
        assert SECRET not in repr(nps_plan_setup(helpdesk(**FULL)))


class TestFields:
    def test_a_field_of_another_type_is_blocked(self, vendor, helpdesk):
        row = {"id": 1, "key": "nps_score", "type": "text", "title": "Old", "active": True}
        vendor.account.resources["user_fields"] = [row]
        connection = helpdesk()
        assert plan(connection)["user_field:nps_score"] == "blocked"
        assert "user_field:nps_score" not in apply(connection)
        assert row["title"] == "Old"

    @pytest.mark.parametrize(
        ("kind", "change_id"), [("user_fields", "user_field:nps_score"), ("ticket_fields", "ticket_field:NPS score")]
    )
    def test_an_inactive_field_is_activated(self, vendor, helpdesk, kind, change_id):
        connection = helpdesk(custom_fields={"NPS score": "{score}"})
        apply(connection)
        vendor.account.resources[kind][0]["active"] = False
        assert plan(connection) == {change_id: "update"}
        apply(connection)
        assert plan(connection) == {}


def test_what_settings_switch_off_needs_no_user_fields(vendor, helpdesk):
    connection = replace(helpdesk(), disabled_actions=frozenset({"write_case_outcome"}))
    assert not [change for change in plan(connection) if change.startswith("user_field:nps_case")]
    assert [change for change in plan(helpdesk()) if change.startswith("user_field:nps_case")]
