"""Snapshots of a portal, and a simulated portal that is restored from one."""

from __future__ import annotations

import nps_connect_hubspot as plugin
from nps_connect import AccountSnapshot, VendorField
from nps_connect_hubspot.simulated import Simulated


def test_nps_snapshot_names_stages_properties_groups_and_scopes(connection):
    snapshot = plugin.nps_snapshot(connection)
    assert snapshot.fields["deal"]["dealstage"].options["closedwon"] == "Won"
    assert snapshot.fields["contact"]["nps_score"] == VendorField(type="number")
    assert snapshot.objects["property_groups"] == ("nps",)
    assert "crm.objects.contacts.write" in snapshot.scopes


def test_a_snapshot_writes_nothing_and_holds_nobody(connection, create_contacts, vendor):
    create_contacts(1)
    before = vendor.state()["records"]
    assert "@example.com" not in plugin.nps_snapshot(connection).model_dump_json()
    assert vendor.state()["records"] == before


def test_missing_scopes_are_absent(connection, portal):
    portal.scopes -= {"crm.objects.contacts.write", "crm.schemas.deals.read"}
    snapshot = plugin.nps_snapshot(connection)
    assert "crm.objects.contacts.write" not in snapshot.scopes
    assert "deal" not in snapshot.fields


def test_a_restored_portal_gives_the_same_snapshot(connection, make_connection, vendor):
    snapshot = plugin.nps_snapshot(connection)
    changed = snapshot.model_copy(update={"scopes": tuple(set(snapshot.scopes) - {"crm.objects.contacts.write"})})
    vendor.restore(changed)
    restored = plugin.nps_snapshot(connection)
    assert restored.fields == snapshot.fields
    assert restored.objects == snapshot.objects
    assert set(restored.scopes) == set(changed.scopes)


def test_events_have_the_given_values_and_only_existing_stages(vendor, create_contacts, connection):
    [record] = create_contacts(1)
    email = record.properties["email"]
    assert vendor.simulate_event("deal.won", email, {"amount": 250, "no_such_property": 1})
    [deal] = vendor.portal.records["deals"].values()
    assert (deal.properties["amount"], deal.properties["dealstage"]) == ("250", "closedwon")
    assert "no_such_property" not in deal.properties
    assert vendor.simulate_event("deal.won", email, {"dealstage": "closedwonn"}) == []
    assert vendor.simulate_event("deal.stage_entered", email, {"dealstage": "closedlost"})


def test_the_twin_of_a_portal_takes_number_stages_and_names_from_the_settings(clock):
    vendor = Simulated(clock)
    settings = vendor.connection_settings(
        {"plugin": "hubspot", "access_token": "configured", "portal_id": 7, "won_stages": ("1234",)},
        "https://crm.example.com",
    )
    assert (vendor.portal.portal_id, settings["base_url"]) == (7, "https://crm.example.com")
    assert settings["access_token"] != "configured"
    assert vendor.portal.existing_stage("deals", vendor.facts.won_stages) == "1234"  # the account is not known
    vendor.restore(AccountSnapshot(fields={"deal": {"dealstage": VendorField(type="enumeration")}}))
    assert vendor.portal.existing_stage("deals", vendor.facts.won_stages) is None
