"""nps_poll_events: the cursor export, without history, without loss."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from nps_connect import NotAllowed, RateLimited
from nps_connect_zendesk import nps_poll_events

MINUTE = timedelta(minutes=1)


class Poller:
    """Polls as the core does: the cursor moves only when a page came."""

    def __init__(self, connection):
        self.connection, self.cursor, self.events = connection, None, []

    def __call__(self):
        more, found = True, []
        while more:
            page = nps_poll_events(self.connection, self.cursor)
            self.cursor, more = page.cursor, page.more
            found += page.events
        self.events += found
        return [(event.kind, event.object_id) for event in found]


@pytest.fixture
def poll(helpdesk):
    return Poller(helpdesk(events="poll"))


@pytest.mark.parametrize("before", [timedelta(seconds=10), timedelta(seconds=70), timedelta(days=1)])
def test_the_first_call_tells_no_history(vendor, poll, clock, before):
    vendor.simulate_event("ticket.solved", "ada@example.com")
    clock.forward(before)
    assert poll() == []
    clock.forward(5 * MINUTE)
    assert poll() == []


def test_nps_poll_events_tells_a_solved_ticket_once(vendor, poll, clock):
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


def test_a_later_change_of_a_solved_ticket_gives_the_same_key(vendor, poll, clock):
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


def test_solved_again_is_a_fact_of_its_own(vendor, poll, clock):
    poll()
    for kind in ("ticket.solved", "ticket.reopened", "ticket.solved"):
        clock.forward(2 * MINUTE)
        vendor.simulate_event(kind, "ada@example.com")
        clock.forward(2 * MINUTE)
        poll()
    assert len({event.key for event in poll.events if event.kind == "ticket.solved"}) == 2


def test_an_old_ticket_that_only_changed_is_history(vendor, poll, clock):
    vendor.simulate_event("ticket.solved", "ada@example.com")
    clock.forward(timedelta(hours=1))
    poll()
    clock.forward(MINUTE)
    vendor.account.touch("tickets", vendor.account.tickets[1])
    clock.forward(2 * MINUTE)
    assert poll() == []


def test_closed_and_deleted_tickets_and_deleted_users(vendor, poll, clock):
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


def test_many_tickets_come_page_by_page(vendor, poll, clock, monkeypatch):
    monkeypatch.setattr("nps_connect_zendesk.poll.PAGE_SIZE", 2)
    poll()
    for number in range(7):
        user = vendor.account.add_user(f"P {number}", f"p{number}@example.com")
        clock.forward(timedelta(seconds=10))
        vendor.simulate_event("ticket.solved", user["email"])
    clock.forward(2 * MINUTE)
    assert poll() == [("ticket.solved", str(number)) for number in range(1, 8)]


def test_the_newest_minute_is_not_lost(vendor, poll, clock):
    poll()
    for _ in range(6):
        clock.forward(timedelta(seconds=30))
        vendor.simulate_event("ticket.solved", "ada@example.com")
        poll()
    clock.forward(2 * MINUTE)
    poll()
    assert {event.object_id for event in poll.events} == {"1", "2", "3", "4", "5", "6"}


def test_a_quota_in_the_middle_loses_nothing(vendor, poll, clock):
    poll()
    clock.forward(MINUTE)
    vendor.simulate_event("ticket.solved", "ada@example.com")
    clock.forward(2 * MINUTE)
    vendor.limits.windows["exports"] = (clock(), 10)
    with pytest.raises(RateLimited) as caught:
        poll()
    assert caught.value.quota == "export"
    clock.forward(2 * MINUTE)
    assert poll() == [("ticket.solved", "1")]


def test_a_cursor_that_zendesk_no_longer_takes_is_replaced_by_its_time(vendor, poll, clock):
    poll()
    clock.forward(2 * MINUTE)
    poll()
    vendor.simulate_event("ticket.solved", "ada@example.com")
    clock.forward(2 * MINUTE)
    state = json.loads(poll.cursor)
    poll.cursor = json.dumps({**state, "tickets": "no such cursor"})
    assert poll() == [("ticket.solved", "1")]


def test_an_export_that_gives_no_cursor_is_asked_by_time(answering, clock):
    connection, scripted = answering(200, {"tickets": [], "after_cursor": None, "end_of_stream": True})
    page = nps_poll_events(connection, None)
    clock.forward(MINUTE)
    nps_poll_events(connection, page.cursor)
    first, second = (dict(request.url.params)["start_time"] for request in scripted.requests)
    assert first == second


@pytest.mark.parametrize("cursor", ["", "x", "[]", "{}", '{"next": "tickets", "since": "x", "seen": 1}'])
def test_a_cursor_that_is_not_ours_starts_anew(helpdesk, cursor):
    page = nps_poll_events(helpdesk(), cursor)
    assert page.events == ()
    assert json.loads(page.cursor)["next"] == "tickets"


def test_without_the_right_to_export_users_tickets_still_come(vendor, poll, clock):
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


def test_without_the_right_to_export_tickets_the_first_poll_says_so(answering):
    body = {"error": "Forbidden", "description": "You are missing the following required scopes: read"}
    connection, _ = answering(403, body)
    with pytest.raises(NotAllowed) as caught:
        nps_poll_events(connection, None)
    assert caught.value.scope == "read"
