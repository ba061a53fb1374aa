"""Two workers whose clocks jump forwards and backwards: work may be late but is never lost and never done twice."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta

import pytest
from support.application import ApplicationHarness
from support.clock import ManualClock
from support.fake_vendors import FakeHelpdesk, FakeMailChannel

from nps_connect import hookimpl
from nps_connect.worker.heartbeat import Heartbeat

PEOPLE = [str(number) for number in range(6)]
JUMPS = [timedelta(seconds=seconds) for seconds in (0, 0, 1, 40, 600, 7200, -1, -40, -600, -7200)]


def second_worker(first: ApplicationHarness) -> ApplicationHarness:
    """Return a second application on the same ledger and vendors, with its own clock."""
    vendors = {"acme": first.crm, "desk": first.desk, "post": first.post, "bell": first.bell, "stars": first.stars}
    return ApplicationHarness(first.ledger, ManualClock(first.clock()), seed=8, **vendors)


def email(person: str) -> str:
    return f"person{person}@example.com"


def run_randomly(applications: list[ApplicationHarness], rng: random.Random, rounds: int) -> None:
    """Move the clock of a random application, and let it do some work or recover lost work."""
    heartbeats = {id(application): Heartbeat(application.ctx, "worker") for application in applications}
    for application in applications:
        application.keep_house()
    for _ in range(rounds):
        application = rng.choice(applications)
        application.clock.now += rng.choice(JUMPS)
        if rng.random() < 0.2:
            heartbeats[id(application)].run_once()
        for queue in rng.sample(application.queues, 5):
            due = queue.next_due(application.ctx)
            if due is not None and due <= application.clock():
                queue.drain(lambda: False)


def finish_all_work(applications: list[ApplicationHarness]) -> None:
    """Set all clocks to the same later time and do all due work."""
    now = max(application.clock() for application in applications) + timedelta(days=2)
    for application in applications:
        application.clock.now = now
        Heartbeat(application.ctx, "worker").run_once()
        application.run()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_with_jumping_clocks_every_effect_happens_once(ledger, clock, seed):
    rng, first = random.Random(seed), ApplicationHarness(ledger, clock)
    applications = [first, second_worker(first)]
    for person in PEOPLE:
        first.crm.knows(person, email(person))
        first.webhook(first.won(person), first.won(person))
        first.webhook(first.won(person))
    run_randomly(applications, rng, 25)
    for application in applications:
        application.clock.forward("3d")
    run_randomly(applications, rng, 25)
    finish_all_work(applications)
    assert Counter(mail.to.email for mail in first.post.sent("survey")) == Counter(map(email, PEOPLE))

    for number, person in enumerate(PEOPLE):
        rng.choice(applications).answer(first.token(email(person)), number)
        run_randomly(applications, rng, 3)
    for application in applications:
        application.clock.forward("1m")
    for number, person in enumerate(PEOPLE):
        rng.choice(applications).answer(first.token(email(person)), number + 1)
        run_randomly(applications, rng, 5)
    finish_all_work(applications)
    assert first.crm.scores == {person: number + 1 for number, person in enumerate(PEOPLE)}
    assert len(first.desk.tickets) == 6
    assert "dead" not in {row.state for row in first.deliveries()}


class InterruptingHelpdesk(FakeHelpdesk):
    """A helpdesk that calls a function after opening tickets, before it returns."""

    before_return = staticmethod(lambda: None)

    @hookimpl
    def nps_open_tickets(self, connection, drafts):
        receipts = super().nps_open_tickets(connection, drafts)
        self.before_return()
        return receipts


class InterruptingMailChannel(FakeMailChannel):
    """A mail channel that calls a function after sending, before it returns."""

    before_return = staticmethod(lambda: None)

    @hookimpl
    def nps_send_messages(self, connection, messages):
        receipts = super().nps_send_messages(connection, messages)
        self.before_return()
        return receipts


def test_a_worker_declared_dead_while_opening_a_ticket_does_not_cause_a_second_ticket(ledger, clock):
    desk = InterruptingHelpdesk()
    first = ApplicationHarness(ledger, clock, desk=desk)
    first.desk = desk
    second = second_worker(first)
    first.answer(first.surveyed(), 1)

    def take_over() -> None:
        second.clock.now = first.clock() + timedelta(hours=2)
        Heartbeat(second.ctx, "worker").run_once()
        second.run()

    desk.before_return = take_over
    first.run()
    finish_all_work([first, second])
    [row] = first.deliveries("open_ticket")
    assert (row.state, row.receipt_id, len(desk.tickets)) == ("succeeded", "found", 1)


def test_a_worker_declared_dead_while_sending_a_mail_settles_it_with_its_receipt(ledger, clock):
    post = InterruptingMailChannel()
    first = ApplicationHarness(ledger, clock, post=post)
    first.post = post
    second = second_worker(first)
    first.crm.knows("1", email("1"))
    first.webhook(first.won("1"))
    first.run()
    first.clock.forward("3d")

    def take_over() -> None:
        second.clock.now = first.clock() + timedelta(hours=2)
        Heartbeat(second.ctx, "worker").run_once()
        second.run()

    post.before_return = take_over
    first.run()
    finish_all_work([first, second])
    [row] = first.deliveries("send_survey")
    assert (row.state, row.hold_code, len(post.sent("survey"))) == ("succeeded", None, 1)
