"""The cooldown always equals what the planned and the sent surveys imply, however they lie over each other and end."""

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
from nps_connect.services.deliveries.operator_cancel import cancel_by_operator

COOLDOWN = timedelta(days=5)
MAILBOXES = {"1": "a@example.com", "2": "a@example.com", "3": "b@example.com"}
SALES = {"on": "deal.won", "from": "crm", "survey": "after-purchase", "name": "sales", "delay": "2d"}
REPAIRED = {**SALES, "name": "repaired", "delay": "1d", "priority": 1, "where": "city == 'Lyon'"}
CHANGE = {
    "limits": {"cooldown": "5d"},
    "triggers": [SALES, {**REPAIRED, "ignore_cooldown": "the follow-up of a repaired order"}],
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


def told(application: ApplicationHarness) -> dict[str, datetime]:
    """Until when each mailbox cools down, in the books."""
    query = select(CooldownRow.subject, CooldownRow.until).where(CooldownRow.until > application.clock())
    with application.ledger.read() as session:
        return {subject: until for subject, until in session.execute(query) if subject.startswith("m:")}


def implied(application: ApplicationHarness) -> dict[str, datetime]:
    """The same, from the surveys alone."""
    found: dict[str, datetime] = {}
    with application.ledger.read() as session:
        query = select(InvitationRow, ContactRow.email).join(ContactRow, ContactRow.id == InvitationRow.contact_id)
        for one, email in session.execute(query.where(InvitationRow.state.in_(("planned", "sent")))):
            subject, until = mailbox_subject(mailbox_hash(email)), (one.sent_at or one.due_at) + COOLDOWN
            found[subject] = max(until, found.get(subject, until))
    return {subject: until for subject, until in found.items() if until > application.clock()}


@ledger_settings(12)
@given(steps=STEPS)
def test_the_books_say_what_the_surveys_say(ledger, steps):
    clock = ManualClock()
    application = ApplicationHarness(delete_all_rows(ledger), clock, CHANGE)
    for person, email in MAILBOXES.items():
        application.crm.knows(person, email)
    for number, (what, first, second) in enumerate(steps):
        if what == "buy":
            application.webhook(application.won(first, deal=str(number), city=second))
        elif what == "wait":
            for _ in range(first):  # whatever falls due goes out at once
                clock.forward("1h")
                application.run(only="send_survey")
        elif waiting := [row for row in application.deliveries("send_survey") if row.state == "pending"]:
            with ledger.write() as session:
                row = session.get(DeliveryRow, waiting[first % len(waiting)].id)
                cancel_by_operator(session, row, cooldown=COOLDOWN, now=clock())
        application.run(only="crm/")
        assert told(application) == implied(application)
