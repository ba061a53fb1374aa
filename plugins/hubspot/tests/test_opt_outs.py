"""Our unsubscribes in HubSpot, only where the settings say so."""

from __future__ import annotations

import pytest

import nps_connect_hubspot as plugin
from nps_connect import Contact, NotAllowed, OptOut, Receipt, Rejected


@pytest.fixture
def build_opt_out(clock):
    def make(person, email="person0@example.com"):
        contact = Contact(connection="crm", id=person.id, email=email)
        return OptOut(idempotency_key="key", contact=contact, at=clock())

    return make


def test_hubspot_is_not_told_without_the_setting(connection, wire, create_contacts, build_opt_out):
    [person] = create_contacts(1)
    [outcome] = plugin.nps_write_opt_outs(connection, [build_opt_out(person)])
    assert "opt_out_subscription is not set" in outcome.note
    assert wire.requests == []


@pytest.mark.parametrize("version", ["2026-03", "2026-09"])
def test_one_subscription_is_switched_off_and_twice_is_no_failure(
    connecting, create_contacts, build_opt_out, portal, version
):
    [person] = create_contacts(1)
    connection = connecting(opt_out_subscription=77, api_version=version)
    for _ in range(2):
        [outcome] = plugin.nps_write_opt_outs(connection, [build_opt_out(person)])
        assert isinstance(outcome, Receipt)
    assert portal.statuses == {"person0@example.com": {77: "UNSUBSCRIBED"}}


def test_all_mail_is_switched_off_and_the_next_look_up_tells(connecting, create_contacts, build_opt_out):
    [person] = create_contacts(1)
    connection = connecting(opt_out_subscription="all")
    for _ in range(2):
        [outcome] = plugin.nps_write_opt_outs(connection, [build_opt_out(person)])
        assert isinstance(outcome, Receipt)
    from nps_connect import ContactKey

    [match] = plugin.nps_find_contacts(connection, [ContactKey(kind="id", value=person.id)])
    assert match.contacts[0].opted_out


def test_odd_addresses_travel_encoded(connecting, wire, create_contacts, build_opt_out, portal):
    [person] = create_contacts(1)
    email = "o'brien+a%b#c?d@example.com"
    plugin.nps_write_opt_outs(connecting(opt_out_subscription=77), [build_opt_out(person, email)])
    assert list(portal.statuses) == [email]


def test_a_contact_without_an_address_needs_nothing(connecting, wire, create_contacts, build_opt_out):
    [person] = create_contacts(1)
    [outcome] = plugin.nps_write_opt_outs(connecting(opt_out_subscription=77), [build_opt_out(person, None)])
    assert "no address" in outcome.note
    assert wire.requests == []


def test_a_missing_scope_is_named_and_the_address_is_not(connecting, create_contacts, build_opt_out, portal):
    [person] = create_contacts(1)
    portal.scopes.discard("communication_preferences.write")
    [outcome] = plugin.nps_write_opt_outs(connecting(opt_out_subscription=77), [build_opt_out(person)])
    assert isinstance(outcome, NotAllowed)
    assert "person0@example.com" not in repr(vars(outcome))


def test_a_subscription_that_does_not_exist_is_refused(connecting, wire, create_contacts, build_opt_out):
    import httpx

    [person] = create_contacts(1)
    wire.faults = [httpx.Response(400, json={"category": "VALIDATION_ERROR"})]
    [outcome] = plugin.nps_write_opt_outs(connecting(opt_out_subscription=77), [build_opt_out(person)])
    assert isinstance(outcome, Rejected)
