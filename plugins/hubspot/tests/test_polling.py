"""Polling: facts from history, each told once, none lost, whatever interrupts."""

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
    """Polls as intake does: the cursor moves on only after a page came back."""

    def __init__(self, connection):
        self.connection = connection
        self.cursor = None
        self.pages = 0

    def page(self):
        page = plugin.nps_poll_events(self.connection, self.cursor)
        self.connection.sleep(0.25)  # as the search quota asks
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


def test_the_first_poll_replays_no_history(poller, wire, vendor, clock, create_contacts):
    create_contacts(3)
    vendor.simulate_event("deal.won", "person0@example.com")
    clock.forward(MINUTE)
    assert poller.page().events == ()
    assert wire.paths() == ["/account-info/2026-09/details"]
    assert poller.round() == []


def test_polling_starts_by_hubspots_clock(connection, vendor, clock, create_contacts):
    create_contacts(1)
    poller = Poller(connection)
    vendor.clock = lambda: clock() - timedelta(minutes=30)  # this machine is half an hour fast
    poller.page()
    clock.forward(MINUTE)
    vendor.simulate_event("deal.won", "person0@example.com")
    assert "deal.won" in kinds(poller.round())


def test_a_won_deal_is_told_with_the_key_that_its_webhook_has(
    poller, vendor, clock, create_contacts, connection, receiving
):
    create_contacts(1)
    poller.page()
    clock.forward(MINUTE)
    facts = vendor.simulate_event("deal.won", "person0@example.com")
    [webhook] = vendor.webhooks(facts, "https://nps.example.com/hooks/crm")
    told = {event.key for event in plugin.nps_parse_events(connection, receiving(webhook.body))}
    polled = {event.key: event for event in poller.round()}
    assert told <= polled.keys()
    assert all(polled[key].contact_key.kind == "deal" for key in told)


def test_other_edits_are_no_facts(poller, vendor, clock, create_contacts, portal):
    create_contacts(1)
    vendor.simulate_event("deal.won", "person0@example.com")
    clock.forward(timedelta(hours=1))
    poller.page()
    clock.forward(timedelta(hours=1))
    [deal] = portal.records[DEAL].values()
    deal.set({"amount": "9000"}, clock())
    deal.set({"dealstage": "closedwon"}, clock())
    assert poller.round() == []


def test_contacts_created_and_changed(poller, vendor, clock, create_contacts, connection, receiving):
    poller.page()
    clock.forward(MINUTE)
    create_contacts(1)
    clock.forward(MINUTE)
    facts = vendor.simulate_event("contact.created", "person0@example.com")
    facts += vendor.simulate_event("contact.property_changed", "person0@example.com")
    [webhook] = vendor.webhooks(facts, "https://nps.example.com/hooks/crm")
    told = {event.key for event in plugin.nps_parse_events(connection, receiving(webhook.body))}
    assert {event.key for event in poller.round()} == told


def test_tickets_are_polled_when_the_settings_say_so(connecting, connection, vendor, clock, create_contacts):
    create_contacts(1)
    poller = Poller(connecting(listen_to=["tickets"]))
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


def test_what_the_index_shows_late_is_not_lost(poller, vendor, clock, create_contacts):
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


def test_a_long_list_is_read_page_by_page_and_modified_records_are_not_skipped(
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


def test_many_records_of_one_moment_are_read_to_the_end(poller, clock, portal):
    poller.page()
    clock.forward(MINUTE)
    for number in range(230):
        portal.create(DEAL, {"dealstage": "closedwon", "dealname": f"D{number}"}, clock())
    events = poller.round()
    assert len({event.object_id for event in events if event.kind == "deal.won"}) == 230
    assert poller.pages < 10


def test_a_cursor_survives_a_429_in_the_middle_of_a_page(poller, wire, vendor, clock, portal):
    poller.page()
    for number in range(150):
        clock.forward(timedelta(seconds=1))
        portal.create(DEAL, {"dealstage": "closedwon", "dealname": f"D{number}"}, clock())
    events = list(poller.page().events)
    before = poller.cursor
    limited = httpx.Response(429, json={"status": "error", "policyName": "TEN_SECONDLY_ROLLING"})
    wire.faults = [lambda _request: None, limited]  # the search passes, the read of the history does not
    with pytest.raises(RateLimited):
        poller.page()
    assert poller.cursor == before
    clock.forward(timedelta(seconds=10))
    events += poller.round()
    assert len({event.object_id for event in events if event.kind == "deal.won"}) == 150


def test_history_is_read_fifty_records_at_a_time(poller, wire, clock, portal):
    poller.page()
    clock.forward(MINUTE)
    for number in range(60):
        portal.create(DEAL, {"dealstage": "closedwon", "dealname": f"D{number}"}, clock())
    poller.page()
    assert [len(request.json()["inputs"]) for request in wire.requests if request.path.endswith("/read")] == [50, 10]


def test_a_quiet_portal_costs_one_search_per_object_type(poller, wire, clock):
    poller.page()
    for _ in range(5):
        clock.forward(timedelta(hours=1))
        assert poller.round() == []
    assert len(wire.requests) == 1 + 10


def test_a_new_object_type_starts_now(connecting, connection, clock, vendor, create_contacts):
    create_contacts(1)
    poller = Poller(connecting(listen_to=["deals"]))
    poller.page()
    vendor.simulate_event("ticket.closed", "person0@example.com")
    clock.forward(MINUTE)
    poller.connection = connecting(listen_to=["tickets", "deals"])
    assert poller.round() == []
    vendor.simulate_event("ticket.closed", "person0@example.com")
    assert kinds(poller.round()) == ["ticket.closed"]


@pytest.mark.parametrize("cursor", ["", "nonsense", "{}", '{"form":2,"turn":"deals","streams":{}}'])
def test_a_cursor_of_another_form_starts_anew(poller, vendor, create_contacts, cursor):
    create_contacts(1)
    poller.cursor = cursor
    vendor.simulate_event("contact.property_changed", "person0@example.com")
    poller.round()
    assert PollCursor.model_validate_json(poller.cursor).streams.keys() == {"deals", "contacts"}


def test_more_records_of_one_moment_than_a_search_gives_do_not_stop_the_poll():
    stuck = StreamPosition(start=0, seen=1000, since=1000, after="9900", ongoing=True)
    assert stuck.advanced([1000] * 100, full=True, after="10000").since == 1001
    assert stuck.advanced([1000] * 100, full=True, after=None).since == 1001
