"""Events made by hand are marked, and every rule applies to them."""

from __future__ import annotations

from sqlalchemy import select

from nps_connect.flows.replay import send
from nps_connect.ledger.tables import DecisionRow, EventRow
from nps_connect.records.contacts import ContactKey


def test_an_event_made_by_hand_is_marked_and_decided_like_any_other(house, clock):
    house.crm.knows("1", "marie@example.com")
    marie = ContactKey(kind="email", value="marie@example.com")
    event_id, new = send(house.ctx, "crm", "deal.won", contact=marie, object_id="d-1", fields={"amount": "5"})
    assert new
    assert send(house.ctx, "crm", "deal.won", contact=marie, object_id="d-1", fields={}) == (event_id, False)
    clock.forward("1m")
    send(house.ctx, "crm", "deal.won", contact=marie, object_id=None, fields={})
    house.run()
    with house.ledger.read() as session:
        assert session.execute(select(EventRow.source)).scalars().all() == ["manual", "manual"]
        assert session.execute(select(DecisionRow.reason)).scalars().all() == ["surveyed", "cooldown"]
