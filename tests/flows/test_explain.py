"""Every reason for a yes, a no and a wait is told, with its date."""

from __future__ import annotations

from datetime import timedelta

from nps_connect.flows.explain import explain_person, find_people
from nps_connect.ledger.tables import ContactRow, DecisionRow, EventRow
from nps_connect.rules.deciding import REASONS

VERDICTS = {"surveyed": "yes", "unusual": "held", "daily_cap": "deferred"}


def test_every_reason_is_told_in_order_with_the_next_date(ledger, clock):
    with ledger.write() as session:
        contact = ContactRow(connection="crm", vendor_id="1", record={}, seen_at=clock())
        session.add(contact)
        session.flush()
        for number, reason in enumerate(REASONS):
            at = clock() + timedelta(hours=number)
            event = EventRow(
                lane="crm/decide",
                state="succeeded",
                due_at=at,
                connection="crm",
                key=reason,
                kind="deal.won",
                object_id=reason,
                occurred_at=at,
                received_at=at,
                source="webhook",
                contact_id=contact.id,
                record={},
            )
            session.add(event)
            session.flush()
            session.add(
                DecisionRow(
                    event_id=event.id,
                    trigger="t",
                    survey="s",
                    contact_id=contact.id,
                    verdict=VERDICTS.get(reason, "no"),
                    reason=reason,
                    detail=f"because of {reason}",
                    decided_at=at,
                    eligible_at=at + timedelta(days=1),
                )
            )
    with ledger.read() as session:
        story = explain_person(session, find_people(session, "crm:1", ["crm"]), now=clock())
    told = [step.told for step in story.steps if step.what == "decision"]
    assert [step.what for step in story.steps] == ["event", "decision"] * len(REASONS)
    for number, reason in enumerate(REASONS):
        day = clock() + timedelta(days=1, hours=number)
        assert told[number].startswith(f"{VERDICTS.get(reason, 'no')} ({reason}) by t: because of {reason}")
        assert f"{day:%Y-%m-%d %H:%M} UTC" in told[number]
