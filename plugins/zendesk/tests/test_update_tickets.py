"""nps_update_tickets: changes go to the same ticket; a closed one gets one follow-up."""

from __future__ import annotations

import pytest

from nps_connect import NotAllowed, OutcomeUnknown, Receipt, RetryLater, TargetGone
from nps_connect_zendesk import nps_open_tickets, nps_update_tickets


@pytest.fixture
def ticket(vendor, helpdesk, draft):
    """An open ticket of ours."""
    (receipt,) = nps_open_tickets(helpdesk(), [draft(priority="normal")])
    return vendor.account.tickets[int(receipt.id)]


def update_ticket(connection, change):
    (outcome,) = nps_update_tickets(connection, [change])
    return outcome


def test_nps_update_tickets_adds_a_private_comment_and_sets_the_priority(vendor, helpdesk, change, ticket):
    receipt = update_ticket(helpdesk(), change(ticket["id"]))
    assert isinstance(receipt, Receipt)
    assert receipt.id == str(ticket["id"])
    last = vendor.account.comments[ticket["id"]][-1]
    assert last["public"] is False
    assert last["body"].startswith("The customer wrote again: still waiting.")
    assert ticket["priority"] == "high"
    assert vendor.state()["mails"] == []


def test_tags_are_added_and_other_tags_kept(vendor, helpdesk, change, ticket):
    ticket["tags"] = [*ticket["tags"], "agents_own"]
    update_ticket(helpdesk(), change(ticket["id"]))
    assert set(ticket["tags"]) == {"nps", "nps-detractor", "nps_connect", "agents_own", "nps-late-comment"}


def test_existing_tags_need_no_call(helpdesk, change, ticket, transport):
    ticket["tags"] = [*ticket["tags"], "nps-late-comment"]
    transport.requests.clear()
    update_ticket(helpdesk(), change(ticket["id"]))
    assert [(request.method, request.path.rpartition("/")[2]) for request in transport.requests] == [
        ("GET", str(ticket["id"])),
        ("PUT", str(ticket["id"])),
    ]


def test_custom_fields_are_updated(vendor, helpdesk, change, ticket):
    vendor.account.resources["ticket_fields"] = [{"id": 41, "title": "NPS score", "type": "integer", "active": True}]
    update_ticket(helpdesk(custom_fields={"NPS score": "{score}"}), change(ticket["id"]))
    assert ticket["custom_fields"] == [{"id": 41, "value": "4"}]


def test_a_solved_ticket_of_a_detractor_is_reopened(vendor, helpdesk, change, ticket):
    vendor.simulate_event("ticket.solved", "ada@example.com")
    receipt = update_ticket(helpdesk(), change(ticket["id"]))
    assert ticket["status"] == "open"
    assert "open again" in receipt.note


def test_a_solved_ticket_of_a_promoter_stays_solved(vendor, helpdesk, change, ticket, make_response):
    vendor.simulate_event("ticket.solved", "ada@example.com")
    update_ticket(helpdesk(), change(ticket["id"], response=make_response(score=9, revision=2), priority="low"))
    assert ticket["status"] == "solved"
    assert ticket["priority"] == "low"


class TestSharedState:
    def test_what_staff_did_solves_the_ticket_and_reopens_it(self, helpdesk, change, ticket):
        update_ticket(helpdesk(), change(ticket["id"], state="solved"))
        assert ticket["status"] == "solved"
        update_ticket(helpdesk(), change(ticket["id"], state="solved", idempotency_key="case1:note"))
        assert ticket["status"] == "solved"
        update_ticket(helpdesk(), change(ticket["id"], state="open", idempotency_key="case1:reopened"))
        assert ticket["status"] == "open"

    def test_an_assignee_who_is_no_agent_leaves_the_comment_only(self, vendor, helpdesk, change, ticket):
        receipt = update_ticket(helpdesk(), change(ticket["id"], state="solved", assignee="nobody@example.com"))
        assert "refused" in receipt.note
        assert ticket["status"] == "new"
        assert vendor.account.comments[ticket["id"]][-1]["body"].startswith("The customer wrote again")

    def test_a_closed_ticket_that_is_solved_here_gets_no_follow_up(self, vendor, helpdesk, change, ticket):
        vendor.account.set_status(ticket, "closed")
        receipt = update_ticket(helpdesk(), change(ticket["id"], state="solved"))
        assert receipt.id == str(ticket["id"])
        assert len(vendor.account.tickets) == 1


class TestClosed:
    @pytest.fixture
    def closed(self, vendor, ticket):
        vendor.simulate_event("ticket.solved", "ada@example.com")
        vendor.simulate_event("ticket.closed", "ada@example.com")
        assert ticket["status"] == "closed"
        return ticket

    def test_a_follow_up_is_linked_to_the_closed_ticket(self, vendor, helpdesk, change, closed):
        receipt = update_ticket(helpdesk(), change(closed["id"]))
        follow_up = vendor.account.tickets[int(receipt.id)]
        assert follow_up["via"]["source"]["from"]["ticket_id"] == closed["id"]
        assert follow_up["requester_id"] == closed["requester_id"]
        assert "nps_connect" in follow_up["tags"]
        assert vendor.account.comments[follow_up["id"]][0]["public"] is False
        assert "follows up" in receipt.note

    def test_the_next_change_goes_to_the_follow_up(self, vendor, helpdesk, change, closed):
        first = update_ticket(helpdesk(), change(closed["id"]))
        second = update_ticket(helpdesk(), change(closed["id"], idempotency_key="case1:update:3", body="And again."))
        assert second.id == first.id
        assert len(vendor.state()["tickets"]) == 2

    def test_a_closed_follow_up_gets_a_follow_up(self, vendor, helpdesk, change, closed):
        first = update_ticket(helpdesk(), change(closed["id"]))
        vendor.account.set_status(vendor.account.tickets[int(first.id)], "closed")
        second = update_ticket(helpdesk(), change(closed["id"], idempotency_key="case1:update:3"))
        third = update_ticket(helpdesk(), change(closed["id"], idempotency_key="case1:update:4"))
        assert second.id != first.id
        assert third.id == second.id
        assert len(vendor.state()["tickets"]) == 3

    def test_a_better_score_opens_no_new_ticket(self, vendor, helpdesk, change, closed, make_response):
        receipt = update_ticket(helpdesk(), change(closed["id"], response=make_response(revision=2, score=9)))
        assert receipt.id == str(closed["id"])
        assert "is closed" in receipt.note
        assert len(vendor.account.tickets) == 1

    def test_a_follow_up_by_an_agent_is_not_used(self, vendor, helpdesk, change, closed):
        agents = vendor.account.add_ticket({"subject": "Agent's own", "tags": []}, channel="web")
        closed["followup_ids"].append(agents["id"])
        receipt = update_ticket(helpdesk(), change(closed["id"]))
        assert receipt.id not in (str(agents["id"]), str(closed["id"]))

    def test_a_retry_creates_no_second_follow_up(self, vendor, helpdesk, change, closed, transport):
        transport.lose = 1
        assert isinstance(update_ticket(helpdesk(), change(closed["id"])), OutcomeUnknown)
        closed["followup_ids"].clear()  # the list lags
        receipt = update_ticket(helpdesk(), change(closed["id"]))
        assert isinstance(receipt, Receipt)
        assert len(vendor.state()["tickets"]) == 2

    def test_a_ticket_that_closes_meanwhile_gets_its_follow_up(self, vendor, helpdesk, change, ticket, transport):
        class ClosingTransport(type(transport)):
            def handle_request(self, request):
                response = super().handle_request(request)
                if request.method == "GET" and request.url.path.endswith(f"/tickets/{ticket['id']}"):
                    vendor.account.set_status(ticket, "closed")
                return response

        receipt = update_ticket(helpdesk(through=ClosingTransport(vendor)), change(ticket["id"], tags=()))
        assert receipt.id != str(ticket["id"])


class TestRefusals:
    def test_a_deleted_ticket_is_gone(self, vendor, helpdesk, change, ticket):
        vendor.simulate_event("ticket.deleted", "ada@example.com")
        assert isinstance(update_ticket(helpdesk(), change(ticket["id"])), TargetGone)

    def test_an_unknown_ticket_is_gone(self, helpdesk, change):
        assert isinstance(update_ticket(helpdesk(), change(4711)), TargetGone)

    def test_a_conflict_is_retried_later(self, make_scripted_connection, change):
        body = {"error": "DatabaseConflict", "description": "Database collision"}
        outcome = update_ticket(make_scripted_connection(409, body)[0], change(1))
        assert isinstance(outcome, RetryLater)
        assert outcome.after.total_seconds() == 5

    def test_a_missing_scope_is_named(self, vendor, helpdesk, change, ticket):
        vendor.tokens.access["reader"] = type(vendor.tokens.access["sandbox-zendesk-token"])(("read",))
        outcome = update_ticket(helpdesk(access_token="reader"), change(ticket["id"]))
        assert isinstance(outcome, NotAllowed)
        assert outcome.scope == "tickets:write, write"
