"""Snapshots of an account, and a simulated account that is restored from one."""

from __future__ import annotations

import pytest

from nps_connect import AccountSnapshot, SimulatedPerson, VendorField
from nps_connect_zendesk import nps_check, nps_snapshot
from nps_connect_zendesk.simulated import Simulated
from nps_connect_zendesk.simulated.access_control import TOKEN


@pytest.fixture
def account(vendor):
    vendor.account.resources["ticket_fields"] = [
        {
            "id": 41,
            "type": "tagger",
            "title": "Reason",
            "active": True,
            "custom_field_options": [{"name": "Late delivery", "value": "late"}],
        }
    ]
    return vendor.account


def test_nps_snapshot_names_fields_groups_and_scopes(helpdesk, account):
    snapshot = nps_snapshot(helpdesk())
    assert snapshot.fields["ticket"]["field_41"] == VendorField(type="tagger", options={"late": "Late delivery"})
    assert "urgent" in snapshot.fields["ticket"]["priority"].options
    assert snapshot.fields["contact"]["nps_score"].type == "integer"
    assert snapshot.objects["groups"] == ("Customer care",)
    assert snapshot.scopes == ("read", "write")


def test_a_snapshot_only_reads_and_holds_nobody(helpdesk, transport):
    assert "@example.com" not in nps_snapshot(helpdesk()).model_dump_json()
    assert {request.method for request in transport.requests} == {"GET"}


def test_a_restored_account_gives_the_same_snapshot(helpdesk, account, vendor):
    snapshot = nps_snapshot(helpdesk())
    vendor.restore(snapshot)
    assert nps_snapshot(helpdesk()) == snapshot


def test_the_check_finds_what_a_restored_account_lacks(helpdesk, vendor):
    snapshot = nps_snapshot(helpdesk())
    vendor.restore(snapshot.model_copy(update={"objects": {}, "scopes": ("read", "tickets:write")}))
    texts = " | ".join(finding.text for finding in nps_check(helpdesk(group="Customer care")))
    assert "no group 'Customer care'" in texts
    assert "users:write" in texts


def test_an_account_without_a_snapshot_has_what_settings_name(clock):
    vendor = Simulated(clock)
    settings = {"group": "Back office", "client_id": "nps", "client_secret": "secret", "assignee": "ann@example.com"}
    adapted = vendor.connection_settings(settings, "https://helpdesk.example.com")
    assert (adapted["access_token"], adapted["client_id"], adapted["client_secret"]) == (TOKEN, None, None)
    assert "Back office" in [row["name"] for row in vendor.account.resources["groups"]]
    assert vendor.account.user_with("ann@example.com")["role"] == "agent"
    vendor.restore(AccountSnapshot(objects={"groups": ("Customer care",)}))
    assert [row["name"] for row in vendor.account.resources["groups"]] == ["Customer care"]


def test_tickets_have_the_given_values(vendor):
    person = SimulatedPerson("person@example.com", "A Person", "fr")
    vendor.populate([person])
    fields = {"priority": "urgent", "tags": "vip paid", "field_41": "late", "solve_minutes": 90, "type": None}
    assert vendor.simulate_event("ticket.solved", person.email, fields)
    [ticket] = vendor.account.tickets.values()
    assert (ticket["priority"], ticket["tags"], ticket["status"]) == ("urgent", ["vip", "paid"], "solved")
    assert ticket["custom_fields"] == [{"id": 41, "value": "late"}]
    assert ticket["metric_set"]["full_resolution_time_in_minutes"]["calendar"] == 90
