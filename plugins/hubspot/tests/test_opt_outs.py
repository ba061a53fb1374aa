"""Opt-outs are written to HubSpot where the settings ask for it."""

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


def test_without_the_setting_no_request_is_sent(connection, transport, create_contacts, build_opt_out):
    [person] = create_contacts(1)
    [outcome] = plugin.nps_write_opt_outs(connection, [build_opt_out(person)])
    assert "opt_out_subscription is not set" in outcome.note
    assert transport.requests == []


@pytest.mark.parametrize("version", ["2026-03", "2026-09"])
def test_switching_off_one_subscription_is_idempotent(make_connection, create_contacts, build_opt_out, portal, version):
    [person] = create_contacts(1)
    connection = make_connection(opt_out_subscription=77, api_version=version)
    for _ in range(2):
        [outcome] = plugin.nps_write_opt_outs(connection, [build_opt_out(person)])
        assert isinstance(outcome, Receipt)
    assert portal.statuses == {"person0@example.com": {77: "UNSUBSCRIBED"}}


def test_switching_off_all_mail_shows_in_the_next_lookup(make_connection, create_contacts, build_opt_out):
    [person] = create_contacts(1)
    connection = make_connection(opt_out_subscription="all")
    for _ in range(2):
        [outcome] = plugin.nps_write_opt_outs(connection, [build_opt_out(person)])
        assert isinstance(outcome, Receipt)
    from nps_connect import ContactKey

    [match] = plugin.nps_find_contacts(connection, [ContactKey(kind="id", value=person.id)])
    assert match.contacts[0].opted_out


def test_odd_addresses_are_encoded(make_connection, transport, create_contacts, build_opt_out, portal):
    [person] = create_contacts(1)
    email = "o'brien+a%b#c?d@example.com"
    plugin.nps_write_opt_outs(make_connection(opt_out_subscription=77), [build_opt_out(person, email)])
    assert list(portal.statuses) == [email]


def test_a_contact_without_an_address_needs_no_request(make_connection, transport, create_contacts, build_opt_out):
    [person] = create_contacts(1)
    [outcome] = plugin.nps_write_opt_outs(make_connection(opt_out_subscription=77), [build_opt_out(person, None)])
    assert "no address" in outcome.note
    assert transport.requests == []


def test_a_missing_scope_is_reported_without_the_address(make_connection, create_contacts, build_opt_out, portal):
    [person] = create_contacts(1)
    portal.scopes.discard("communication_preferences.write")
    [outcome] = plugin.nps_write_opt_outs(make_connection(opt_out_subscription=77), [build_opt_out(person)])
    assert isinstance(outcome, NotAllowed)
    assert "person0@example.com" not in repr(vars(outcome))


def test_an_unknown_subscription_is_rejected(make_connection, transport, create_contacts, build_opt_out):
    import httpx

    [person] = create_contacts(1)
    transport.faults = [httpx.Response(400, json={"category": "VALIDATION_ERROR"})]
    [outcome] = plugin.nps_write_opt_outs(make_connection(opt_out_subscription=77), [build_opt_out(person)])
    assert isinstance(outcome, Rejected)
