"""Plan and apply: from an empty portal to a complete one, idempotent, without changes to an admin's objects."""

from __future__ import annotations

from dataclasses import replace

import pytest

import nps_connect_hubspot as plugin
from nps_connect import NotAllowed, Rejected

NAMES = [
    "nps_score",
    "nps_category",
    "nps_comment",
    "nps_answered_at",
    "nps_survey",
    "nps_touchpoint",
    "nps_previous_score",
    "nps_response_id",
    "nps_response_count",
    "nps_case_state",
    "nps_case_opened_at",
    "nps_case_changed_at",
    "nps_case_handled_by",
    "nps_case_recovered_score",
    "nps_case_ticket",
    "nps_case_reference",
]


@pytest.mark.parametrize("version", ["2026-03", "2026-09"])
def test_from_an_empty_portal_to_an_empty_plan(make_connection, portal, version):
    connection = make_connection(api_version=version)
    changes = plugin.nps_plan_setup(connection)
    assert [change.id for change in changes] == ["group:nps", *(f"property:{name}" for name in NAMES)]
    assert {change.change for change in changes} == {"create"}
    assert plugin.nps_apply_setup(connection, changes) == changes
    assert plugin.nps_plan_setup(connection) == []
    assert portal.definitions["contacts"]["nps_score"]["type"] == "number"
    assert [option["value"] for option in portal.definitions["contacts"]["nps_category"]["options"]] == [
        "promoter",
        "passive",
        "detractor",
    ]


def test_apply_is_idempotent(unprepared_connection, portal):
    changes = plugin.nps_plan_setup(unprepared_connection)
    plugin.nps_apply_setup(unprepared_connection, changes)
    before = {name: dict(definition) for name, definition in portal.definitions["contacts"].items()}
    plugin.nps_apply_setup(unprepared_connection, changes)
    assert portal.definitions["contacts"] == before


def test_the_group_is_created_first(unprepared_connection):
    plugin.nps_apply_setup(unprepared_connection, list(reversed(plugin.nps_plan_setup(unprepared_connection))))
    assert plugin.nps_plan_setup(unprepared_connection) == []


def test_prefix_and_group_are_configurable(make_connection, portal):
    connection = make_connection(property_prefix="acme_nps_", property_group="acme")
    plugin.nps_apply_setup(connection, plugin.nps_plan_setup(connection))
    assert portal.definitions["contacts"]["acme_nps_score"]["groupName"] == "acme"


def test_missing_options_are_added_and_an_admins_options_are_kept(connection, portal):
    category = portal.definitions["contacts"]["nps_category"]
    category["options"] = [{"label": "VIP", "value": "vip", "displayOrder": 0, "hidden": False}]
    [change] = plugin.nps_plan_setup(connection)
    assert (change.id, change.change) == ("options:nps_category", "update")
    plugin.nps_apply_setup(connection, [change])
    values = [option["value"] for option in portal.definitions["contacts"]["nps_category"]["options"]]
    assert values == ["vip", "promoter", "passive", "detractor"]
    assert plugin.nps_plan_setup(connection) == []


def test_a_property_of_another_type_is_blocked(connection, portal):
    portal.definitions["contacts"]["nps_score"] |= {"type": "string", "fieldType": "text"}
    [change] = plugin.nps_plan_setup(connection)
    assert change.change == "blocked"
    assert "property_prefix" in change.text
    assert plugin.nps_apply_setup(connection, [change]) == []
    assert portal.definitions["contacts"]["nps_score"]["type"] == "string"


def test_definitions_locked_by_an_admin_are_blocked(connection, portal):
    definitions = portal.definitions["contacts"]
    definitions["nps_comment"]["modificationMetadata"]["readOnlyValue"] = True
    definitions["nps_category"]["modificationMetadata"]["readOnlyDefinition"] = True
    definitions["nps_category"]["options"].pop()
    changes = plugin.nps_plan_setup(connection)
    assert [(change.id, change.change) for change in changes] == [
        ("options:nps_category", "blocked"),
        ("property:nps_comment", "blocked"),
    ]
    assert plugin.nps_apply_setup(connection, changes) == []


def test_labels_changed_by_an_admin_are_kept(connection, portal):
    portal.definitions["contacts"]["nps_score"]["label"] = "Satisfaction"
    assert plugin.nps_plan_setup(connection) == []


def test_an_archived_property_of_the_same_name_is_rejected(unprepared_connection, transport, portal):
    changes = plugin.nps_plan_setup(unprepared_connection)
    portal.groups["contacts"]["nps"] = {"name": "nps", "label": "NPS"}
    import httpx

    transport.faults = [httpx.Response(409, json={"category": "CONFLICT"})]
    with pytest.raises(Rejected, match="archived contact property nps_score"):
        plugin.nps_apply_setup(
            unprepared_connection, [change for change in changes if change.id == "property:nps_score"]
        )


def test_a_missing_scope_is_named(unprepared_connection, portal):
    changes = plugin.nps_plan_setup(unprepared_connection)
    portal.scopes.remove("crm.schemas.contacts.write")
    with pytest.raises(NotAllowed) as raised:
        plugin.nps_apply_setup(unprepared_connection, changes)
    assert raised.value.scope == "crm.schemas.contacts.write"


def test_missing_webhook_subscriptions_are_created(make_connection, connection, portal):
    portal.scopes.add("private-apps-write")
    portal.target_url = "https://nps.example.com/hooks/crm"
    webhooks = make_connection(events="webhook", app_id=31337, api_version="2026-03")
    changes = plugin.nps_plan_setup(webhooks)
    assert [change.id for change in changes] == [
        "subscription:contact.deletion",
        "subscription:contact.merge",
        "subscription:contact.privacyDeletion",
        "subscription:contact.creation",
        "subscription:contact.propertyChange/lifecyclestage",
        "subscription:deal.propertyChange/dealstage",
    ]
    plugin.nps_apply_setup(webhooks, changes)
    plugin.nps_apply_setup(webhooks, changes)
    assert plugin.nps_plan_setup(webhooks) == []


def test_another_target_url_of_the_app_is_blocked(make_connection, connection, portal):
    portal.scopes.add("private-apps-write")
    portal.target_url = "https://other.example.com/hook"
    webhooks = make_connection(events="webhook", app_id=31337, api_version="2026-03")
    plugin.nps_apply_setup(webhooks, plugin.nps_plan_setup(webhooks))
    [change] = plugin.nps_plan_setup(webhooks)
    assert (change.id, change.change) == ("webhook-address", "blocked")
    assert "https://nps.example.com/hooks/crm" in change.text


def test_subscriptions_that_the_token_cannot_read_are_blocked(make_connection, connection):
    [change] = plugin.nps_plan_setup(make_connection(events="webhook", app_id=31337, api_version="2026-03"))
    assert (change.id, change.change) == ("subscriptions", "blocked")


def test_the_newest_version_takes_the_developer_key_for_subscriptions(make_connection, connection, portal):
    portal.scopes.add("private-apps-write")
    [change] = plugin.nps_plan_setup(make_connection(events="webhook", app_id=31337, api_version="2026-09"))
    assert (change.id, change.change) == ("subscriptions", "blocked")
    assert "developer key only" in change.text


def test_a_polled_connection_needs_no_subscriptions(make_connection, connection):
    assert plugin.nps_plan_setup(make_connection(events="poll", app_id=31337)) == []


def test_what_settings_switch_off_needs_no_properties(make_connection):
    connection = replace(make_connection(), disabled_actions=frozenset({"write_case_outcome"}))
    names = [name for name in NAMES if not name.startswith("nps_case")]
    assert [change.id for change in plugin.nps_plan_setup(connection)] == [
        "group:nps",
        *(f"property:{n}" for n in names),
    ]
