"""No two surveys to one person or mailbox within the cooldown: for any order and interleaving of events and workers."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from support.application import ApplicationHarness
from support.clean_db import delete_all_rows
from support.clock import START, ManualClock
from support.fake_vendors import FakeCrm
from support.hypothesis_settings import ledger_settings

from nps_connect import hookimpl
from nps_connect.ledger import subjects
from nps_connect.ledger.cooldowns import CooldownRow
from nps_connect.ledger.tables import ContactRow, DeliveryRow, EventRow, InvitationRow
from nps_connect.services.decisions.drain_events import MAX_CONFLICT_RETRIES, drain_events

COOLDOWN = timedelta(days=5)
MAILBOXES = {"1": "a@example.com", "2": "a@example.com", "3": "b@example.com", "4": "c@example.com"}
"""Four contacts, two of whom share a mailbox."""

EVENTS = st.tuples(st.just("event"), st.sampled_from(sorted(MAILBOXES)), st.integers(0, 72))
STEPS = st.lists(
    st.one_of(
        EVENTS,
        EVENTS,
        st.tuples(st.just("decide"), st.integers(1, 3), st.lists(st.integers(1, 3), max_size=3)),
        st.tuples(st.just("deliver"), st.none(), st.none()),
        st.tuples(st.just("opt_out"), st.sampled_from(sorted(MAILBOXES)), st.booleans()),
        st.tuples(st.just("move"), st.sampled_from(sorted(MAILBOXES)), st.sampled_from([*"abcd"])),
        st.tuples(st.just("merge"), st.sampled_from(sorted(MAILBOXES)), st.sampled_from(sorted(MAILBOXES))),
        st.tuples(st.just("wait"), st.sampled_from([1, 24, 24 * 4, 24 * 6]), st.none()),
    ),
    min_size=4,
    max_size=18,
)
LIMITS = st.fixed_dictionaries(
    {
        "cooldown": st.just("5d"),
        "when_blocked": st.sampled_from(["skip", "defer"]),
        "quiet_hours": st.just("off"),
        "quiet_days": st.just([]),
    }
)
TRIGGERS = [
    {"on": "deal.won", "from": "crm", "survey": "after-purchase", "name": "at once"},
    {"on": "deal.won", "from": "crm", "survey": "after-purchase", "name": "later", "delay": "2d", "priority": 1},
]
EXAMPLES = ledger_settings(8)


class Interrupted(FakeCrm):
    """While this vendor is asked by one worker, others take their turn: the place where work can interleave."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: list[int] = []
        self.application: ApplicationHarness

    @hookimpl
    def nps_find_contacts(self, connection, keys):
        if self.meanwhile:
            drain_events(self.application.ctx, "crm", self.meanwhile.pop())
        return super().nps_find_contacts(connection, keys)

    def move(self, person: str, mailbox: str) -> None:
        """Somebody has another address now."""
        if person in self.people:
            self.people[person] = self.people[person].model_copy(update={"email": f"{mailbox}@example.com"})

    def opt_out(self, person: str, opted_out: bool) -> None:
        """Somebody wants no mail, or does again."""
        if person in self.people:
            self.people[person] = self.people[person].model_copy(update={"opted_out": opted_out})

    def merge(self, gone: str, into: str) -> None:
        """Two people turn out to be one."""
        if gone != into and {gone, into} <= self.people.keys():
            lost, kept = self.people.pop(gone), self.people[into]
            merged = (*kept.merged_ids, *lost.merged_ids, gone)
            self.people[into] = kept.model_copy(update={"merged_ids": merged})

    def who(self, person: str) -> str:
        """Under which id somebody is known now."""
        return next((one.id for one in self.people.values() if person in (one.id, *one.merged_ids)), person)


class Sent:
    """When each mail went out, to which mailbox and to whom."""

    def __init__(self, application: ApplicationHarness, clock: ManualClock) -> None:
        self.application, self.clock, self.mails = application, clock, []
        self.closest = COOLDOWN
        """The shortest time between two mails to one mailbox, or to one person as known at the second one."""

    def deliver(self) -> None:
        before = len(self.application.post.items)
        self.application.run(only="send_survey")
        for mail in self.application.post.items[before:]:
            now, mailbox, person = self.clock(), mail.to.email, self._person(mail.idempotency_key)
            for at, other, someone in self.mails:
                if other == mailbox or self.application.crm.who(someone) == self.application.crm.who(person):
                    self.closest = min(self.closest, now - at)
            self.mails.append((now, mailbox, person))

    def _person(self, key: str) -> str:
        query = select(ContactRow.vendor_id).join(DeliveryRow, DeliveryRow.contact_id == ContactRow.id)
        with self.application.ledger.read() as session:
            return session.execute(query.where(DeliveryRow.key == key)).scalar_one()


@EXAMPLES
@given(steps=STEPS, limits=LIMITS)
def test_whatever_happens_in_whatever_order_nobody_is_written_to_twice_within_the_cooldown(ledger, steps, limits):
    clock, crm = ManualClock(), Interrupted()
    application = ApplicationHarness(
        delete_all_rows(ledger), clock, {"triggers": TRIGGERS[:], "limits": limits}, acme=crm
    )
    application.crm = crm.application = crm
    crm.application = application
    sent = Sent(application, clock)
    for person, email in MAILBOXES.items():
        crm.knows(person, email)
    for number, (what, first, second) in enumerate(steps):
        if what == "event":
            application.webhook(application.won(first, deal=str(number), at=clock() - timedelta(hours=second)))
            application.store()
        elif what == "decide":
            crm.meanwhile = list(second)
            drain_events(application.ctx, "crm", first)
        elif what == "deliver":
            sent.deliver()
        elif what == "opt_out":
            crm.opt_out(first, second)
        elif what == "move":
            crm.move(first, second)
        elif what == "merge":
            crm.merge(first, second)
        else:
            clock.forward(timedelta(hours=first))
    crm.meanwhile = []
    for _ in range(8):
        application.run(only="crm/decide")
        sent.deliver()
        clock.forward("2d")
    assert sent.closest >= COOLDOWN


@EXAMPLES
@given(
    facts=st.lists(st.tuples(st.sampled_from(sorted(MAILBOXES)), st.integers(0, 72)), min_size=6, max_size=24),
    sizes=st.lists(st.integers(1, 5), min_size=2, max_size=4),
)
def test_many_workers_at_once_reserve_each_cooldown_once(ledger, facts, sizes):
    clock = ManualClock()
    application = ApplicationHarness(
        delete_all_rows(ledger), clock, {"triggers": TRIGGERS, "limits": {"cooldown": "5d"}}
    )
    for person, email in MAILBOXES.items():
        application.crm.knows(person, email)
    application.webhook(
        *(
            application.won(person, deal=str(number), at=START - timedelta(hours=hours))
            for number, (person, hours) in enumerate(facts)
        )
    )
    application.store()
    decide_at_once(application, sizes)
    with ledger.read() as session:
        query = select(ContactRow.mailbox).join(InvitationRow, InvitationRow.contact_id == ContactRow.id)
        asked = list(session.execute(query).scalars())
    assert len(asked) == len({MAILBOXES[person] for person, _ in facts})
    assert len(set(asked)) == len(asked)


def decide_at_once(application: ApplicationHarness, sizes: list[int]) -> None:
    """Several workers decide, each so many events at a time."""
    failures: list[BaseException] = []

    def work(size: int) -> None:
        try:
            while drain_events(application.ctx, "crm", size):
                pass
        except BaseException as error:  # noqa: BLE001  # told to the test
            failures.append(error)

    threads = [threading.Thread(target=work, args=(size,)) for size in sizes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []


@pytest.mark.parametrize("limit", [{"surveys_per_day": 5}, {"unusual": 5}])
def test_many_workers_at_once_keep_to_what_is_counted_over_everybody(ledger, limit):
    application = ApplicationHarness(ledger, ManualClock(), {"limits": limit})
    for number in range(40):
        application.crm.knows(str(number), f"p{number}@example.com")
    application.webhook(*(application.won(str(number)) for number in range(40)))
    application.store()
    decide_at_once(application, [1, 2, 3, 4])
    with ledger.read() as session:
        assert len(session.execute(select(InvitationRow.id)).all()) == 5


@pytest.mark.parametrize("races", [1, 4])
def test_a_worker_that_was_overtaken_decides_again(ledger, races):
    clock, crm = ManualClock(), Interrupted()
    application = ApplicationHarness(ledger, clock, {"triggers": TRIGGERS, "limits": {"cooldown": "5d"}}, acme=crm)
    crm.application = application
    for person in "12":
        crm.knows(person, "a@example.com")
    application.webhook(*(application.won(person, deal=str(number)) for number in range(races + 1) for person in "12"))
    application.store()
    crm.meanwhile = [1] * races
    while drain_events(application.ctx, "crm", 1):
        pass
    with ledger.read() as session:
        assert len(session.execute(select(InvitationRow.id)).all()) == 1


class Overtaken(Interrupted):
    """In each of the first sittings, another worker takes the cooldown of one more person while this one judges."""

    def __init__(self, sittings: int) -> None:
        super().__init__()
        self.sittings, self.sitting = sittings, 0

    @hookimpl
    def nps_veto_survey(self, event, contact, survey):
        self.sitting += contact.id == "1"
        if contact.id == str(self.sitting) and self.sitting <= self.sittings:
            subject = subjects.mailbox_subject(subjects.mailbox_hash(contact.email))
            with self.application.ledger.write() as session:
                session.add(CooldownRow(subject=subject, until=self.application.clock() + COOLDOWN))


@pytest.mark.parametrize("database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
def test_a_worker_that_is_overtaken_every_time_gives_its_events_back_at_once(ledger):  # SQLite has one writer at a time
    clock, crm = ManualClock(), Overtaken(MAX_CONFLICT_RETRIES)
    application = ApplicationHarness(ledger, clock, {"triggers": TRIGGERS[:1], "limits": {"cooldown": "5d"}}, acme=crm)
    crm.application = application
    people = [str(number) for number in range(1, MAX_CONFLICT_RETRIES + 2)]
    for person in people:
        crm.knows(person, f"{person}@example.com")
    application.webhook(*(application.won(person) for person in people))
    application.store()
    assert drain_events(application.ctx, "crm") == len(people)
    with ledger.read() as session:
        states = session.execute(select(EventRow.state, EventRow.lease_token).distinct()).all()
        assert [tuple(row) for row in states] == [("pending", None)]
        assert session.execute(select(InvitationRow.id)).all() == []
    assert drain_events(application.ctx, "crm") == len(people)
    with ledger.read() as session:
        assert len(session.execute(select(InvitationRow.id)).all()) == 1
