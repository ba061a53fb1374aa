"""Polling: facts from property history, complete, each with one key, whatever interrupts."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

import nps_connect_hubspot as plugin
from nps_connect import RateLimited
from nps_connect_hubspot.poll_cursor import OVERLAP_MILLIS, PollCursor, StreamPosition
from nps_connect_hubspot.simulated.event_log import DEAL_TO_CONTACT_TYPE_ID
from nps_connect_hubspot.simulated.portal import DEAL

MINUTE = timedelta(minutes=1)


class Poller:
    """Polls as intake does: the cursor advances only after a page has arrived."""

    def __init__(self, connection):
        self.connection = connection
        self.cursor = None
        self.pages = 0

    def page(self):
        page = plugin.nps_poll_events(self.connection, self.cursor)
        self.connection.sleep(0.25)  # the search quota allows four searches per second
        self.cursor = page.cursor
        self.pages += 1
        return page

    def round(self):
        events = []
        while True:
            page = self.page()
            events += page.events
            if not page.more:
                return events


@pytest.fixture
def poller(connection):
    return Poller(connection)


def kinds(events):
    return sorted(event.kind for event in events)


def test_the_first_poll_returns_no_history(poller, transport, vendor, clock, create_contacts):
    create_contacts(3)
    vendor.simulate_event("deal.won", "person0@example.com")
    clock.forward(MINUTE)
    assert poller.page().events == ()
    assert transport.paths() == ["/account-info/2026-09/details"]
    assert poller.round() == []


def test_polling_starts_at_hubspots_time(connection, vendor, clock, create_contacts):
    create_contacts(1)
    poller = Poller(connection)
    vendor.clock = lambda: clock() - timedelta(minutes=30)  # this machine is half an hour fast
    poller.page()
    clock.forward(MINUTE)
    vendor.simulate_event("deal.won", "person0@example.com")
    assert "deal.won" in kinds(poller.round())


def test_a_polled_deal_has_the_key_of_its_webhook(
    poller, vendor, clock, create_contacts, connection, build_webhook_request
):
    create_contacts(1)
    poller.page()
    clock.forward(MINUTE)
    facts = vendor.simulate_event("deal.won", "person0@example.com")
    [webhook] = vendor.webhooks(facts, "https://nps.example.com/hooks/crm")
    received = {event.key for event in plugin.nps_parse_events(connection, build_webhook_request(webhook.body))}
    polled = {event.key: event for event in poller.round()}
    assert received <= polled.keys()
    assert all(polled[key].contact_key.kind == "deal" for key in received)


def test_other_edits_have_no_event(poller, vendor, clock, create_contacts, portal):
    create_contacts(1)
    vendor.simulate_event("deal.won", "person0@example.com")
    clock.forward(timedelta(hours=1))
    poller.page()
    clock.forward(timedelta(hours=1))
    [deal] = portal.records[DEAL].values()
    deal.set({"amount": "9000"}, clock())
    deal.set({"dealstage": "closedwon"}, clock())
    assert poller.round() == []


def test_created_and_changed_contacts_have_the_keys_of_their_webhooks(
    poller, vendor, clock, create_contacts, connection, build_webhook_request
):
    poller.page()
    clock.forward(MINUTE)
    create_contacts(1)
    clock.forward(MINUTE)
    facts = vendor.simulate_event("contact.created", "person0@example.com")
    facts += vendor.simulate_event("contact.property_changed", "person0@example.com")
    [webhook] = vendor.webhooks(facts, "https://nps.example.com/hooks/crm")
    received = {event.key for event in plugin.nps_parse_events(connection, build_webhook_request(webhook.body))}
    assert {event.key for event in poller.round()} == received


def test_tickets_are_polled_if_configured(make_connection, connection, vendor, clock, create_contacts):
    create_contacts(1)
    poller = Poller(make_connection(listen_to=["tickets"]))
    poller.page()
    clock.forward(MINUTE)
    vendor.simulate_event("ticket.closed", "person0@example.com")
    assert kinds(poller.round()) == ["ticket.closed"]


def test_repeats_within_the_overlap_have_the_same_keys(poller, vendor, clock, create_contacts):
    create_contacts(1)
    poller.page()
    clock.forward(MINUTE)
    vendor.simulate_event("deal.won", "person0@example.com")
    first = {event.key for event in poller.round()}
    clock.forward(MINUTE)
    assert {event.key for event in poller.round()} == first
    vendor.simulate_event("contact.property_changed", "person0@example.com")
    clock.forward(timedelta(milliseconds=OVERLAP_MILLIS) * 2)
    poller.round()
    assert not {event.key for event in poller.round()} & first - {event.key for event in poller.round()}


def test_records_that_the_index_shows_late_are_not_lost(poller, vendor, clock, create_contacts):
    create_contacts(2)
    clock.forward(timedelta(hours=1))
    poller.page()
    vendor.search_lag = timedelta(seconds=90)
    clock.forward(MINUTE)
    vendor.simulate_event("deal.won", "person0@example.com")
    clock.forward(timedelta(seconds=45))
    vendor.simulate_event("deal.won", "person1@example.com")
    clock.forward(timedelta(seconds=50))
    early = poller.round()
    clock.forward(timedelta(seconds=90))
    late = poller.round()
    assert "deal.won" in kinds(early)
    won = {event.object_id for event in [*early, *late] if event.kind == "deal.won"}
    assert len(won) == 2


def test_a_long_list_is_read_in_pages_and_modified_records_are_not_skipped(
    poller, vendor, clock, create_contacts, portal
):
    [person] = create_contacts(1)
    poller.page()
    for number in range(250):
        clock.forward(timedelta(seconds=1))
        deal = portal.create(DEAL, {"dealstage": "appointmentscheduled", "dealname": f"D{number}"}, clock())
        portal.link(deal, person, DEAL_TO_CONTACT_TYPE_ID)
    deals = list(portal.records[DEAL].values())
    events = list(poller.page().events)
    clock.forward(MINUTE)
    deals[0].set({"dealstage": "closedwon"}, clock())  # moves from the first page to the end
    deals[150].set({"amount": "5"}, clock())
    events += poller.round()
    assert {event.object_id for event in events if event.kind == "deal.stage_entered"} == {deal.id for deal in deals}
    assert [event.object_id for event in events if event.kind == "deal.won"] == [deals[0].id]


def test_many_records_with_the_same_time_are_read_completely(poller, clock, portal):
    poller.page()
    clock.forward(MINUTE)
    for number in range(230):
        portal.create(DEAL, {"dealstage": "closedwon", "dealname": f"D{number}"}, clock())
    events = poller.round()
    assert len({event.object_id for event in events if event.kind == "deal.won"}) == 230
    assert poller.pages < 10


def test_a_cursor_survives_a_429_within_a_page(poller, transport, vendor, clock, portal):
    poller.page()
    for number in range(150):
        clock.forward(timedelta(seconds=1))
        portal.create(DEAL, {"dealstage": "closedwon", "dealname": f"D{number}"}, clock())
    events = list(poller.page().events)
    before = poller.cursor
    limited = httpx.Response(429, json={"status": "error", "policyName": "TEN_SECONDLY_ROLLING"})
    transport.faults = [lambda _request: None, limited]  # the search passes, the read of the history does not
    with pytest.raises(RateLimited):
        poller.page()
    assert poller.cursor == before
    clock.forward(timedelta(seconds=10))
    events += poller.round()
    assert len({event.object_id for event in events if event.kind == "deal.won"}) == 150


def test_history_is_read_in_batches_of_fifty(poller, transport, clock, portal):
    poller.page()
    clock.forward(MINUTE)
    for number in range(60):
        portal.create(DEAL, {"dealstage": "closedwon", "dealname": f"D{number}"}, clock())
    poller.page()
    assert [len(request.json()["inputs"]) for request in transport.requests if request.path.endswith("/read")] == [
        50,
        10,
    ]


def test_an_idle_portal_needs_one_search_per_object_type(poller, transport, clock):
    poller.page()
    for _ in range(5):
        clock.forward(timedelta(hours=1))
        assert poller.round() == []
    assert len(transport.requests) == 1 + 10


def test_a_new_object_type_starts_now(make_connection, connection, clock, vendor, create_contacts):
    create_contacts(1)
    poller = Poller(make_connection(listen_to=["deals"]))
    poller.page()
    vendor.simulate_event("ticket.closed", "person0@example.com")
    clock.forward(MINUTE)
    poller.connection = make_connection(listen_to=["tickets", "deals"])
    assert poller.round() == []
    vendor.simulate_event("ticket.closed", "person0@example.com")
    assert kinds(poller.round()) == ["ticket.closed"]


@pytest.mark.parametrize("cursor", ["", "nonsense", "{}", '{"version":2,"current_kind":"deals","streams":{}}'])
def test_an_invalid_cursor_starts_anew(poller, vendor, create_contacts, cursor):
    create_contacts(1)
    poller.cursor = cursor
    vendor.simulate_event("contact.property_changed", "person0@example.com")
    poller.round()
    assert PollCursor.model_validate_json(poller.cursor).streams.keys() == {"deals", "contacts"}


def test_more_records_of_one_time_than_a_search_returns_do_not_stop_polling():
    position = StreamPosition(start=0, seen=1000, since=1000, in_progress=True)
    by_id = position.advanced([1000] * 100, range(100), full=True)
    assert (by_id.since, by_id.last_id) == (1000, 0)
    assert by_id.advanced([1000] * 100, range(200, 300), full=True).last_id == 299
    following = by_id.advanced([1000] * 3, range(3), full=False)
    assert (following.since, following.last_id, following.in_progress) == (1001, None, True)


def test_more_records_of_one_time_than_a_search_returns_are_all_read(poller, create_contacts, clock, monkeypatch):
    monkeypatch.setattr("nps_connect_hubspot.simulated.search.MAX_RESULTS", 200)
    poller.round()
    clock.forward(MINUTE)
    records = create_contacts(450)
    records[-1].set({"lifecyclestage": "customer"}, clock())
    clock.forward(timedelta(seconds=1))
    for record in records:
        record.set({"country": "FR"}, clock())
    clock.forward(MINUTE)
    events = poller.round()
    created = {event.object_id for event in events if event.kind == "contact.created"}
    assert created == {record.id for record in records}
    changed = {event.object_id for event in events if event.kind == "contact.property_changed"}
    assert changed == {records[-1].id}
