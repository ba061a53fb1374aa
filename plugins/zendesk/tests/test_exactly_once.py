"""Lost responses end with exactly one ticket: within the two hours of an idempotency key, and later."""

from __future__ import annotations

from datetime import timedelta

import pytest

from nps_connect import DeliveryView, OutcomeUnknown, Receipt, RetryLater
from nps_connect_zendesk import nps_find_existing, nps_open_tickets, nps_update_tickets

OPEN, UPDATE = "open_ticket", "update_ticket"
HOOKS = {OPEN: nps_open_tickets, UPDATE: nps_update_tickets}


def deliver(connection, clock, action, payload, *, wait):
    """Deliver as the worker does, with a look-up before a resend in doubt; returns the receipt and the attempts."""
    started_at = clock()
    for number in range(1, 10):
        (outcome,) = HOOKS[action](connection, [payload])
        if isinstance(outcome, Receipt):
            return outcome, number
        clock.forward(wait)
        if isinstance(outcome, OutcomeUnknown):
            view = DeliveryView(
                action=action, idempotency_key=payload.idempotency_key, payload=payload, first_started_at=started_at
            )
            receipt = nps_find_existing(connection, view)
            if receipt is not None:
                return receipt, number
    raise AssertionError("never delivered")


@pytest.mark.parametrize("wait", [timedelta(seconds=5), timedelta(minutes=119), timedelta(hours=3), timedelta(days=2)])
class TestLostResponses:
    def test_after_applying(self, vendor, helpdesk, clock, draft, transport, wait):
        transport.lose = 1
        receipt, tries = deliver(helpdesk(), clock, OPEN, draft(), wait=wait)
        assert tries == 1
        assert vendor.effects().tickets == {"ada@example.com": [receipt.id]}

    def test_before_applying(self, vendor, helpdesk, clock, draft, transport, wait):
        transport.lose_before = 2
        receipt, tries = deliver(helpdesk(), clock, OPEN, draft(), wait=wait)
        assert tries == 3
        assert vendor.effects().tickets == {"ada@example.com": [receipt.id]}

    def test_before_then_after(self, vendor, helpdesk, clock, draft, transport, wait):
        transport.lose_before, transport.lose = 1, 1
        receipt, _ = deliver(helpdesk(), clock, OPEN, draft(), wait=wait)
        assert vendor.effects().tickets == {"ada@example.com": [receipt.id]}

    def test_of_a_ticket_without_requester(self, vendor, helpdesk, clock, draft, person, transport, wait):
        transport.lose = 1
        deliver(helpdesk(), clock, OPEN, draft(contact=person(email=None)), wait=wait)
        assert len(vendor.state()["tickets"]) == 1

    def test_of_an_update(self, vendor, helpdesk, clock, draft, change, transport, wait):
        connection = helpdesk()
        (opened,) = nps_open_tickets(connection, [draft()])
        transport.matching, transport.lose = ("PUT", f"/api/v2/tickets/{opened.id}"), 1
        receipt, tries = deliver(connection, clock, UPDATE, change(opened.id), wait=wait)
        assert (receipt.id, tries) == (opened.id, 1)
        assert len(vendor.account.comments[int(opened.id)]) == 2


def test_a_lost_update_of_a_follow_up_is_found_there(vendor, helpdesk, clock, draft, change, transport):
    connection = helpdesk()
    (opened,) = nps_open_tickets(connection, [draft()])
    vendor.account.set_status(vendor.account.tickets[int(opened.id)], "closed")
    (follow_up,) = nps_update_tickets(connection, [change(opened.id)])
    transport.matching, transport.lose = ("PUT", f"/api/v2/tickets/{follow_up.id}"), 1
    later = change(opened.id, idempotency_key="case1:update:3")
    receipt, tries = deliver(connection, clock, UPDATE, later, wait=timedelta(hours=3))
    assert (receipt.id, tries) == (follow_up.id, 1)
    assert len(vendor.account.comments[int(follow_up.id)]) == 2


class TestWithinTwoHours:
    def test_the_key_is_sufficient_while_the_lookup_lags(self, vendor, helpdesk, draft, transport):
        transport.lose = 1
        connection = helpdesk()
        (first,) = nps_open_tickets(connection, [draft()])
        assert isinstance(first, OutcomeUnknown)
        (second,) = nps_open_tickets(connection, [draft()])
        assert vendor.effects().tickets == {"ada@example.com": [second.id]}

    @pytest.mark.parametrize("edit", [{"tags": ["changed-since"]}, {"group": 360}, {"public_comment": True}])
    def test_a_changed_setting_leads_to_the_existing_ticket(self, vendor, helpdesk, draft, edit):
        (first,) = nps_open_tickets(helpdesk(), [draft()])
        (second,) = nps_open_tickets(helpdesk(**edit), [draft()])
        assert second.id == first.id
        assert len(vendor.state()["tickets"]) == 1

    def test_a_reused_key_without_a_ticket_is_retried_later(self, vendor, helpdesk, draft):
        (first,) = nps_open_tickets(helpdesk(), [draft()])
        vendor.account.tickets[int(first.id)]["status"] = "deleted"
        (second,) = nps_open_tickets(helpdesk(tags=["changed-since"]), [draft()])
        assert isinstance(second, RetryLater)
        assert second.after == timedelta(minutes=10)


class TestFindExisting:
    def view(self, payload, clock, action=OPEN):
        return DeliveryView(
            action=action, idempotency_key=payload.idempotency_key, payload=payload, first_started_at=clock()
        )

    def test_nps_find_existing_is_none_without_a_ticket(self, helpdesk, clock, draft):
        assert nps_find_existing(helpdesk(), self.view(draft(), clock)) is None

    def test_only_the_exact_external_id_matches(self, vendor, helpdesk, clock, draft):
        nps_open_tickets(helpdesk(), [draft(external_id="nps-resp12")])
        assert nps_find_existing(helpdesk(), self.view(draft(), clock)) is None

    def test_the_first_of_several_tickets_is_returned(self, vendor, helpdesk, clock, draft):
        (first,) = nps_open_tickets(helpdesk(), [draft()])
        nps_open_tickets(helpdesk(), [draft(idempotency_key="by-hand")])
        assert nps_find_existing(helpdesk(), self.view(draft(), clock)).id == first.id

    def test_an_update_of_a_missing_ticket_does_not_exist(self, helpdesk, clock, change):
        assert nps_find_existing(helpdesk(), self.view(change(4711), clock, UPDATE)) is None

    def test_other_actions_are_not_looked_up(self, helpdesk, clock, score):
        assert nps_find_existing(helpdesk(), self.view(score(), clock, "write_score")) is None

    @pytest.mark.parametrize("status", [500, 503, 429])
    def test_a_failed_lookup_keeps_the_delivery_in_doubt(self, make_scripted_connection, clock, draft, status):
        with pytest.raises(RetryLater):
            nps_find_existing(make_scripted_connection(status)[0], self.view(draft(), clock))
