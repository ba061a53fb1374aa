"""nps_poll_events: the cursor export, without history and without loss."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from nps_connect import NotAllowed, RateLimited
from nps_connect_zendesk import nps_poll_events

MINUTE = timedelta(minutes=1)


class Poller:
    """Polls as the core does: the cursor advances only after a page has arrived."""

    def __init__(self, connection):
        self.connection, self.cursor, self.events = connection, None, []

    def __call__(self):
        more, events = True, []
        while more:
            page = nps_poll_events(self.connection, self.cursor)
            self.cursor, more = page.cursor, page.more
            events += page.events
        self.events += events
        return [(event.kind, event.object_id) for event in events]


@pytest.fixture
def poll(helpdesk):
    return Poller(helpdesk(events="poll"))


@pytest.mark.parametrize("before", [timedelta(seconds=10), timedelta(seconds=70), timedelta(days=1)])
def test_the_first_poll_returns_no_history(vendor, poll, clock, before):
    vendor.simulate_event("ticket.solved", "ada@example.com")
    clock.forward(before)
    assert poll() == []
    clock.forward(5 * MINUTE)
    assert poll() == []


def test_nps_poll_events_returns_a_solved_ticket_once(vendor, poll, clock):
    poll()
    clock.forward(MINUTE)
    vendor.simulate_event("ticket.solved", "ada@example.com")
    solved_at = clock()
    clock.forward(2 * MINUTE)
    assert poll() == [("ticket.solved", "1")]
    (event,) = poll.events
    assert event.occurred_at == solved_at
    assert event.fields["status"] == "solved"
    assert event.contact_key.kind == "id"
    clock.forward(MINUTE)
    assert poll() == []


def test_a_later_change_of_a_solved_ticket_has_the_same_key(vendor, poll, clock):
    poll()
    clock.forward(MINUTE)
    vendor.simulate_event("ticket.solved", "ada@example.com")
    clock.forward(2 * MINUTE)
    poll()
    vendor.account.touch("tickets", vendor.account.tickets[1])
    clock.forward(2 * MINUTE)
    poll()
    assert len(poll.events) == 2
    assert len({event.key for event in poll.events}) == 1


def test_a_ticket_solved_again_has_another_key(vendor, poll, clock):
    poll()
    for kind in ("ticket.solved", "ticket.reopened", "ticket.solved"):
        clock.forward(2 * MINUTE)
        vendor.simulate_event(kind, "ada@example.com")
        clock.forward(2 * MINUTE)
        poll()
    assert len({event.key for event in poll.events if event.kind == "ticket.solved"}) == 2


def test_a_change_of_an_old_ticket_has_no_event(vendor, poll, clock):
    vendor.simulate_event("ticket.solved", "ada@example.com")
    clock.forward(timedelta(hours=1))
    poll()
    clock.forward(MINUTE)
    vendor.account.touch("tickets", vendor.account.tickets[1])
    clock.forward(2 * MINUTE)
    assert poll() == []


def test_closed_and_deleted_tickets_and_deleted_users_have_events(vendor, poll, clock):
    poll()
    clock.forward(MINUTE)
    vendor.simulate_event("ticket.solved", "ada@example.com")
    clock.forward(MINUTE)
    vendor.simulate_event("ticket.closed", "ada@example.com")
    vendor.simulate_event("ticket.deleted", "ada@example.com")
    user = vendor.account.user_with("ada@example.com")["id"]
    vendor.simulate_event("contact.deleted", "ada@example.com")
    clock.forward(2 * MINUTE)
    assert poll() == [
        ("ticket.solved", "1"),
        ("ticket.closed", "1"),
        ("ticket.deleted", "2"),
        ("contact.deleted", str(user)),
    ]


def test_many_tickets_are_read_in_pages(vendor, poll, clock, monkeypatch):
    monkeypatch.setattr("nps_connect_zendesk.export.EXPORT_PAGE_SIZE", 2)
    poll()
    for number in range(7):
        user = vendor.account.add_user(f"P {number}", f"p{number}@example.com")
        clock.forward(timedelta(seconds=10))
        vendor.simulate_event("ticket.solved", user["email"])
    clock.forward(2 * MINUTE)
    assert poll() == [("ticket.solved", str(number)) for number in range(1, 8)]


def test_events_of_the_last_minute_are_not_lost(vendor, poll, clock):
    poll()
    for _ in range(6):
        clock.forward(timedelta(seconds=30))
        vendor.simulate_event("ticket.solved", "ada@example.com")
        poll()
    clock.forward(2 * MINUTE)
    poll()
    assert {event.object_id for event in poll.events} == {"1", "2", "3", "4", "5", "6"}


def test_a_rate_limit_within_a_round_loses_nothing(vendor, poll, clock):
    poll()
    clock.forward(MINUTE)
    vendor.simulate_event("ticket.solved", "ada@example.com")
    clock.forward(2 * MINUTE)
    vendor.limits.windows["exports"] = (clock(), 10)
    with pytest.raises(RateLimited) as raised:
        poll()
    assert raised.value.quota == "export"
    clock.forward(2 * MINUTE)
    assert poll() == [("ticket.solved", "1")]


def test_a_rejected_cursor_is_replaced_by_its_time(vendor, poll, clock):
    poll()
    clock.forward(2 * MINUTE)
    poll()
    vendor.simulate_event("ticket.solved", "ada@example.com")
    clock.forward(2 * MINUTE)
    state = json.loads(poll.cursor)
    poll.cursor = json.dumps({**state, "tickets": "no such cursor"})
    assert poll() == [("ticket.solved", "1")]


def test_an_export_without_cursor_continues_by_time(make_scripted_connection, clock):
    connection, scripted = make_scripted_connection(200, {"tickets": [], "after_cursor": None, "end_of_stream": True})
    page = nps_poll_events(connection, None)
    clock.forward(MINUTE)
    nps_poll_events(connection, page.cursor)
    exports = [request for request in scripted.requests if "incremental" in request.url.path]
    first, second = (dict(request.url.params)["start_time"] for request in exports)
    assert first == second


@pytest.mark.parametrize("cursor", ["", "x", "[]", "{}", '{"next": "tickets", "since": "x", "seen": 1}'])
def test_an_invalid_cursor_starts_anew(helpdesk, cursor):
    page = nps_poll_events(helpdesk(), cursor)
    assert page.events == ()
    assert json.loads(page.cursor)["next"] == "tickets"


@pytest.mark.parametrize(
    "skew", [timedelta(hours=-2), timedelta(seconds=-90), timedelta(seconds=90), timedelta(hours=2)]
)
def test_a_wrong_clock_neither_fails_nor_loses_an_event(vendor, poll, clock, skew):
    poll.connection = replace(poll.connection, clock=lambda: clock() + skew)
    poll()
    clock.forward(MINUTE)
    vendor.simulate_event("ticket.solved", "ada@example.com")
    clock.forward(3 * MINUTE)
    assert poll() == [("ticket.solved", "1")]


def test_the_start_of_the_export_is_never_within_the_forbidden_minute(helpdesk, vendor, clock, transport):
    connection = replace(helpdesk(), clock=lambda: clock() + timedelta(minutes=10))
    nps_poll_events(connection, None)
    (start,) = [request.query["start_time"] for request in transport.requests if "start_time" in request.query]
    assert int(start) == int(clock().timestamp()) - 120


@pytest.mark.parametrize(
    "date", ["", "x", "Mon, 02 Mar 2026 09:00:00", "Mon, 02 Mar 2026 09:00:00 GMT, Mon, 02 Mar 2026 09:00:00 GMT"]
)
def test_odd_date_headers_never_fail(make_scripted_connection, date):
    body = {"tickets": [], "after_cursor": "c", "end_of_stream": True}
    connection, _ = make_scripted_connection(200, body, {"date": date} if date else {})
    assert nps_poll_events(connection, None).events == ()


def test_permanently_deleted_users_are_found_once_in_the_list_of_deleted_users(vendor, poll, clock):
    poll()
    user = vendor.account.user_with("ada@example.com")["id"]
    vendor.simulate_event("contact.privacy_deleted", "ada@example.com")
    clock.forward(61 * MINUTE)
    poll()
    clock.forward(61 * MINUTE)
    poll()
    erasures = [event for event in poll.events if event.kind == "contact.privacy_deleted"]
    assert [event.object_id for event in erasures] == [str(user)] * 2
    assert len({event.key for event in erasures}) == 1


def test_the_list_of_deleted_users_is_read_once_an_hour_in_pages(vendor, poll, clock, transport):
    poll()
    for number in range(150):
        vendor.account.delete_user(vendor.account.add_user(f"P {number}", f"p{number}@example.com"))
    for _ in range(10):
        clock.forward(15 * MINUTE)
        poll()
    reads = [request for request in transport.requests if request.path == "/api/v2/deleted_users"]
    assert len(reads) == 2 * 3


def test_tickets_are_polled_without_permission_to_export_users(vendor, poll, clock):
    class NoUsers:
        def handle(self, request, kind):
            from nps_connect_zendesk.simulated.replies import forbidden

            if kind == "users":
                raise forbidden(["users:read"])
            return exports.handle(request, kind)

    exports, vendor._exports = vendor._exports, NoUsers()
    poll()
    clock.forward(MINUTE)
    vendor.simulate_event("ticket.solved", "ada@example.com")
    clock.forward(2 * MINUTE)
    assert poll() == [("ticket.solved", "1")]


def test_the_first_poll_fails_without_permission_to_export_tickets(make_scripted_connection):
    body = {"error": "Forbidden", "description": "You are missing the following required scopes: read"}
    connection, _ = make_scripted_connection(403, body)
    with pytest.raises(NotAllowed) as raised:
        nps_poll_events(connection, None)
    assert raised.value.scope == "read"
