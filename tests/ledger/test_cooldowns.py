"""Cooldowns: no contact and no mailbox gets two surveys within the period, whatever the order and number of workers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.clean_db import delete_all_rows
from support.clock import START

from nps_connect.ledger import cooldowns
from nps_connect.ledger.columns import Base
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.subjects import contact_subjects, mailbox_hash
from nps_connect.ledger.tables import ContactRow, InvitationRow

PERIOD = timedelta(days=90)


def reserve(ledger: Ledger, subjects: list[str], invitation: int, now=START) -> bool:
    with ledger.write() as session:
        savepoint = session.begin_nested()
        is_reserved = cooldowns.reserve(session, subjects, invitation_id=invitation, until=now + PERIOD, now=now)
        (savepoint.commit if is_reserved else savepoint.rollback)()
        return is_reserved


def test_one_of_many_concurrent_workers_gets_the_reservation(ledger):
    subjects = contact_subjects(1, mailbox_hash("marie@example.com"))
    winners: list[int] = []

    def work(number: int) -> None:
        if reserve(ledger, subjects, number):
            winners.append(number)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(winners) == 1


def test_a_mailbox_in_cooldown_does_not_reserve_the_contact(ledger):
    shared = mailbox_hash("info@example.com")
    assert reserve(ledger, contact_subjects(1, shared), 1)
    assert not reserve(ledger, contact_subjects(2, shared), 2)
    assert reserve(ledger, contact_subjects(2, mailbox_hash("own@example.com")), 3)


def test_release_keeps_the_cooldown_that_other_invitations_imply(ledger):
    with ledger.write() as session:
        session.add(ContactRow(id=1, connection="crm", vendor_id="1", record={}))
        session.flush()
        session.add_all(invitation(number, sent_at) for number, sent_at in ((1, START), (2, None), (3, None)))
    subjects = contact_subjects(1, None)
    assert reserve(ledger, subjects, 1)
    with ledger.write() as session:
        until = START + PERIOD * 2
        assert cooldowns.reserve(session, subjects, invitation_id=2, until=until, now=START, ignore_cooldown=True)
        session.get(InvitationRow, 2).state = session.get(InvitationRow, 3).state = "cancelled"
        cooldowns.release(session, 2, cooldown=PERIOD, now=START)
    later = START + PERIOD
    assert not reserve(ledger, subjects, 3, later - timedelta(seconds=1))
    assert reserve(ledger, subjects, 3, later)
    with ledger.write() as session:
        cooldowns.release(session, 3, cooldown=PERIOD, now=later)
    assert reserve(ledger, subjects, 4, later)


def invitation(number: int, sent_at: datetime | None) -> InvitationRow:
    shared_values = {
        "survey": "s",
        "touchpoint": "s",
        "trigger": "t",
        "language": "fr",
        "created_at": START,
        "due_at": START,
    }
    state = "sent" if sent_at else "planned"
    return InvitationRow(id=number, contact_id=1, state=state, sent_at=sent_at, expires_at=START, **shared_values)


@pytest.fixture(scope="module")
def memory_ledger() -> Iterator[Ledger]:
    ledger = Ledger("sqlite://")
    Base.metadata.create_all(ledger.engine)
    yield ledger
    ledger.close()


STEP = st.tuples(
    st.sampled_from(["reserve", "confirm", "release"]),
    st.integers(1, 3),
    st.sampled_from(["a", "b", None]),
    st.integers(0, 60),
)


@given(st.lists(STEP, max_size=25))
@example([*(("reserve", 1, None, days) for days in (0, 41, 49)), *[("confirm", 1, None, 0)] * 2])
def test_no_order_of_steps_allows_two_surveys_within_the_period(memory_ledger, steps):
    ledger = delete_all_rows(memory_ledger)
    now, sent, planned = START, {}, {}
    for number, (what, person, mailbox, days) in enumerate(steps, start=1):
        now += timedelta(days=days)
        subjects = contact_subjects(person, mailbox_hash(f"{mailbox}@example.com") if mailbox else None)
        if what == "reserve":
            if reserve(ledger, subjects, number, now):
                planned[number] = subjects
        elif planned:
            invitation_id, reserved_subjects = planned.popitem()
            if what == "release":
                with ledger.write() as session:
                    cooldowns.release(session, invitation_id, cooldown=PERIOD, now=now)
                continue
            if not reserve(ledger, reserved_subjects, invitation_id, now):
                continue  # a send reserves again: a reservation that expired unsent may have been replaced
            with ledger.write() as session:
                cooldowns.confirm(session, invitation_id, until=now + PERIOD)
            for subject in reserved_subjects:
                assert subject not in sent or now - sent[subject] >= PERIOD
                sent[subject] = now
