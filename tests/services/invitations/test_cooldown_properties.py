"""No person or mailbox gets two surveys within the cooldown, for any order and interleaving of events and workers."""

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
    {"on": "deal.won", "from": "crm", "survey": "after-purchase", "name": "immediate"},
    {"on": "deal.won", "from": "crm", "survey": "after-purchase", "name": "later", "delay": "2d", "priority": 1},
]
EXAMPLES = ledger_settings(8)


class InterleavingCrm(FakeCrm):
    """Lets other workers decide while this worker looks contacts up: the point where workers can interleave."""

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
        """Change the address of a contact."""
        if person in self.people:
            self.people[person] = self.people[person].model_copy(update={"email": f"{mailbox}@example.com"})

    def opt_out(self, person: str, opted_out: bool) -> None:
        """Set the opt-out of a contact."""
        if person in self.people:
            self.people[person] = self.people[person].model_copy(update={"opted_out": opted_out})

    def merge(self, source: str, target: str) -> None:
        """Merge a contact into another."""
        if source != target and {source, target} <= self.people.keys():
            lost, kept = self.people.pop(source), self.people[target]
            merged = (*kept.merged_ids, *lost.merged_ids, source)
            self.people[target] = kept.model_copy(update={"merged_ids": merged})

    def surviving_id(self, person: str) -> str:
        """The id of a contact after merges."""
        return next(
            (contact.id for contact in self.people.values() if person in (contact.id, *contact.merged_ids)), person
        )


class SentMails:
    """Records when each mail was sent, to which mailbox and contact."""

    def __init__(self, application: ApplicationHarness, clock: ManualClock) -> None:
        self.application, self.clock, self.mails = application, clock, []
        self.min_interval = COOLDOWN
        """The shortest time between two mails to one mailbox, or to one person after the merges known by then."""

    def deliver(self) -> None:
        before = len(self.application.post.items)
        self.application.run(only="send_survey")
        for mail in self.application.post.items[before:]:
            now, mailbox, person = self.clock(), mail.to.email, self._person(mail.idempotency_key)
            for at, earlier_mailbox, earlier_person in self.mails:
                if earlier_mailbox == mailbox or self.application.crm.surviving_id(
                    earlier_person
                ) == self.application.crm.surviving_id(person):
                    self.min_interval = min(self.min_interval, now - at)
            self.mails.append((now, mailbox, person))

    def _person(self, key: str) -> str:
        query = select(ContactRow.vendor_id).join(DeliveryRow, DeliveryRow.contact_id == ContactRow.id)
        with self.application.ledger.read() as session:
            return session.execute(query.where(DeliveryRow.key == key)).scalar_one()


@EXAMPLES
@given(steps=STEPS, limits=LIMITS)
def test_no_two_surveys_within_the_cooldown_in_any_order_of_events(ledger, steps, limits):
    clock, crm = ManualClock(), InterleavingCrm()
    application = ApplicationHarness(
        delete_all_rows(ledger), clock, {"triggers": TRIGGERS[:], "limits": limits}, acme=crm
    )
    application.crm = crm.application = crm
    crm.application = application
    sent = SentMails(application, clock)
    for person, email in MAILBOXES.items():
        crm.knows(person, email)
    for number, (step, first, second) in enumerate(steps):
        if step == "event":
            application.webhook(application.won(first, deal=str(number), at=clock() - timedelta(hours=second)))
            application.store()
        elif step == "decide":
            crm.meanwhile = list(second)
            drain_events(application.ctx, "crm", first)
        elif step == "deliver":
            sent.deliver()
        elif step == "opt_out":
            crm.opt_out(first, second)
        elif step == "move":
            crm.move(first, second)
        elif step == "merge":
            crm.merge(first, second)
        else:
            clock.forward(timedelta(hours=first))
    crm.meanwhile = []
    for _ in range(8):
        application.run(only="crm/decide")
        sent.deliver()
        clock.forward("2d")
    assert sent.min_interval >= COOLDOWN


@EXAMPLES
@given(
    facts=st.lists(st.tuples(st.sampled_from(sorted(MAILBOXES)), st.integers(0, 72)), min_size=6, max_size=24),
    sizes=st.lists(st.integers(1, 5), min_size=2, max_size=4),
)
def test_concurrent_workers_reserve_each_cooldown_once(ledger, facts, sizes):
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
    decide_concurrently(application, sizes)
    with ledger.read() as session:
        query = select(ContactRow.mailbox).join(InvitationRow, InvitationRow.contact_id == ContactRow.id)
        mailboxes = list(session.execute(query).scalars())
    assert len(mailboxes) == len({MAILBOXES[person] for person, _ in facts})
    assert len(set(mailboxes)) == len(mailboxes)


def decide_concurrently(application: ApplicationHarness, sizes: list[int]) -> None:
    """Decide in one thread per size, each with batches of that size."""
    failures: list[BaseException] = []

    def work(size: int) -> None:
        try:
            while drain_events(application.ctx, "crm", size):
                pass
        except BaseException as error:  # noqa: BLE001  # raised in the test
            failures.append(error)

    threads = [threading.Thread(target=work, args=(size,)) for size in sizes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []


@pytest.mark.parametrize("limit", [{"surveys_per_day": 5}, {"unusual": 5}])
def test_concurrent_workers_respect_global_limits(ledger, limit):
    application = ApplicationHarness(ledger, ManualClock(), {"limits": limit})
    for number in range(40):
        application.crm.knows(str(number), f"p{number}@example.com")
    application.webhook(*(application.won(str(number)) for number in range(40)))
    application.store()
    decide_concurrently(application, [1, 2, 3, 4])
    with ledger.read() as session:
        assert len(session.execute(select(InvitationRow.id)).all()) == 5


@pytest.mark.parametrize("conflicts", [1, 4])
def test_a_worker_decides_again_after_a_reservation_conflict(ledger, conflicts):
    clock, crm = ManualClock(), InterleavingCrm()
    application = ApplicationHarness(ledger, clock, {"triggers": TRIGGERS, "limits": {"cooldown": "5d"}}, acme=crm)
    crm.application = application
    for person in "12":
        crm.knows(person, "a@example.com")
    application.webhook(
        *(application.won(person, deal=str(number)) for number in range(conflicts + 1) for person in "12")
    )
    application.store()
    crm.meanwhile = [1] * conflicts
    while drain_events(application.ctx, "crm", 1):
        pass
    with ledger.read() as session:
        assert len(session.execute(select(InvitationRow.id)).all()) == 1


class ConflictingCrm(InterleavingCrm):
    """In each of the first decisions, another worker reserves the cooldown of one more contact meanwhile."""

    def __init__(self, conflicts: int) -> None:
        super().__init__()
        self.conflicts, self.decisions = conflicts, 0

    @hookimpl
    def nps_veto_survey(self, event, contact, survey):
        self.decisions += contact.id == "1"
        if contact.id == str(self.decisions) and self.decisions <= self.conflicts:
            subject = subjects.mailbox_subject(subjects.mailbox_hash(contact.email))
            with self.application.ledger.write() as session:
                session.add(CooldownRow(subject=subject, until=self.application.clock() + COOLDOWN))


@pytest.mark.parametrize("database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
def test_a_worker_with_too_many_conflicts_releases_its_events(ledger):  # SQLite has one writer at a time
    clock, crm = ManualClock(), ConflictingCrm(MAX_CONFLICT_RETRIES)
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
