"""Opt-outs are written to HubSpot where the settings ask for it."""

from __future__ import annotations

import httpx
import pytest

import nps_connect_hubspot as plugin
from nps_connect import Contact, NotAllowed, OptOut, Receipt, Rejected, RetryLater


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


ROW = {"channel": "EMAIL", "subscriberIdString": "person0@example.com", "subscriptionId": 77}
STILL_ON = {**ROW, "status": "SUBSCRIBED", "wideStatusType": "PORTAL_WIDE"}
ERROR = {"status": "error", "category": "VALIDATION_ERROR", "message": "not possible", "context": {}, "errors": []}
NOT_DONE = {
    "errors": ({"status": "COMPLETE", "results": [], "numErrors": 1, "errors": [ERROR]}, Rejected),
    "only a number of errors": ({"status": "COMPLETE", "results": [], "numErrors": 1}, Rejected),
    "canceled": ({"status": "CANCELED", "results": []}, RetryLater),
    "pending": ({"status": "PENDING", "results": [{**ROW, "status": "UNSUBSCRIBED"}]}, RetryLater),
    "processing": ({"status": "PROCESSING", "results": []}, RetryLater),
    "another status": ({"status": "<b>", "results": []}, RetryLater),
    "still subscribed": ({"status": "COMPLETE", "results": [STILL_ON]}, RetryLater),
    "no rows": ({"status": "COMPLETE", "results": []}, RetryLater),
    "about another subscription": (
        {"status": "COMPLETE", "results": [{**ROW, "subscriptionId": 5, "status": "UNSUBSCRIBED"}]},
        RetryLater,
    ),
    "about another address": (
        {
            "status": "COMPLETE",
            "results": [{**ROW, "subscriberIdString": "other@example.com", "status": "UNSUBSCRIBED"}],
        },
        RetryLater,
    ),
    "no object": ([], RetryLater),
}


@pytest.mark.parametrize(("body", "error"), NOT_DONE.values(), ids=NOT_DONE)
def test_an_opt_out_is_done_only_if_the_rows_say_so(
    make_connection, transport, create_contacts, build_opt_out, body, error
):
    [person] = create_contacts(1)
    transport.faults = [httpx.Response(200, json=body)]
    [outcome] = plugin.nps_write_opt_outs(make_connection(opt_out_subscription=77), [build_opt_out(person)])
    assert type(outcome) is error


def test_a_row_that_is_still_subscribed_is_no_opt_out_of_everything(
    make_connection, transport, create_contacts, build_opt_out
):
    [person] = create_contacts(1)
    body = {"status": "COMPLETE", "results": [STILL_ON]}
    transport.faults = [httpx.Response(200, json={"status": "COMPLETE", "results": []}), httpx.Response(200, json=body)]
    [outcome] = plugin.nps_write_opt_outs(make_connection(opt_out_subscription="all"), [build_opt_out(person)])
    assert type(outcome) is RetryLater


def test_a_refused_repetition_of_an_opt_out_is_done(make_connection, transport, create_contacts, build_opt_out):
    [person] = create_contacts(1)
    connection = make_connection(opt_out_subscription=77)
    plugin.nps_write_opt_outs(connection, [build_opt_out(person)])
    transport.faults = [httpx.Response(400, json={"category": "VALIDATION_ERROR"})]
    [outcome] = plugin.nps_write_opt_outs(connection, [build_opt_out(person)])
    assert isinstance(outcome, Receipt)


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
    [person] = create_contacts(1)
    transport.faults = [httpx.Response(400, json={"category": "VALIDATION_ERROR"})]
    [outcome] = plugin.nps_write_opt_outs(make_connection(opt_out_subscription=77), [build_opt_out(person)])
    assert isinstance(outcome, Rejected)
