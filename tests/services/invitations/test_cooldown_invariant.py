"""The stored cooldowns equal those implied by planned and sent surveys, whatever happens to the surveys."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from support.application import ApplicationHarness
from support.clean_db import delete_all_rows
from support.clock import ManualClock
from support.hypothesis_settings import ledger_settings

from nps_connect.ledger.cooldowns import CooldownRow
from nps_connect.ledger.subjects import mailbox_hash, mailbox_subject
from nps_connect.ledger.tables import ContactRow, DeliveryRow, InvitationRow
from nps_connect.services.deliveries.operator_actions import cancel_by_operator

COOLDOWN = timedelta(days=5)
MAILBOXES = {"1": "a@example.com", "2": "a@example.com", "3": "b@example.com"}
SALES = {"on": "deal.won", "from": "crm", "survey": "after-purchase", "name": "sales", "delay": "2d"}
REPAIRED = {**SALES, "name": "repaired", "delay": "1d", "priority": 1, "where": "city == 'Lyon'"}
CHANGE = {
    "limits": {"cooldown": "5d"},
    "triggers": [SALES, {**REPAIRED, "ignore_cooldown": "a repaired order"}],
}
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("buy"), st.sampled_from(sorted(MAILBOXES)), st.sampled_from(["Lyon", "Paris"])),
        st.tuples(st.just("cancel"), st.integers(0, 5), st.none()),
        st.tuples(st.just("wait"), st.sampled_from([1, 24, 48, 24 * 6]), st.none()),
    ),
    min_size=3,
    max_size=14,
)


def stored_cooldowns(application: ApplicationHarness) -> dict[str, datetime]:
    """End of the cooldown by mailbox, as stored."""
    query = select(CooldownRow.subject, CooldownRow.until).where(CooldownRow.until > application.clock())
    with application.ledger.read() as session:
        return {subject: until for subject, until in session.execute(query) if subject.startswith("m:")}


def implied_cooldowns(application: ApplicationHarness) -> dict[str, datetime]:
    """End of the cooldown by mailbox, computed from the surveys."""
    end_by_subject: dict[str, datetime] = {}
    with application.ledger.read() as session:
        query = select(InvitationRow, ContactRow.email).join(ContactRow, ContactRow.id == InvitationRow.contact_id)
        for invitation, email in session.execute(query.where(InvitationRow.state.in_(("planned", "sent")))):
            subject, until = mailbox_subject(mailbox_hash(email)), (invitation.sent_at or invitation.due_at) + COOLDOWN
            end_by_subject[subject] = max(until, end_by_subject.get(subject, until))
    return {subject: until for subject, until in end_by_subject.items() if until > application.clock()}


@ledger_settings(12)
@given(steps=STEPS)
def test_stored_cooldowns_equal_implied_cooldowns(ledger, steps):
    clock = ManualClock()
    application = ApplicationHarness(delete_all_rows(ledger), clock, CHANGE)
    for person, email in MAILBOXES.items():
        application.crm.knows(person, email)
    for number, (step, first, second) in enumerate(steps):
        if step == "buy":
            application.webhook(application.won(first, deal=str(number), city=second))
        elif step == "wait":
            for _ in range(first):  # due surveys are sent within the hour
                clock.forward("1h")
                application.run(only="send_survey")
        elif pending := [row for row in application.deliveries("send_survey") if row.state == "pending"]:
            with ledger.write() as session:
                row = session.get(DeliveryRow, pending[first % len(pending)].id)
                cancel_by_operator(
                    session, row, actions=application.ctx.actions, settings=application.ctx.settings, now=clock()
                )
        application.run(only="crm/")
        assert stored_cooldowns(application) == implied_cooldowns(application)
