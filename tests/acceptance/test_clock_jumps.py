"""Two workers on the same connections whose clocks jump forwards and backwards: late at worst, never lost, never twice."""

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
    """Another process on the same ledger and at the same vendors, with a clock of its own."""
    vendors = {"acme": first.crm, "desk": first.desk, "post": first.post, "bell": first.bell, "stars": first.stars}
    return ApplicationHarness(first.ledger, ManualClock(first.clock()), seed=8, **vendors)


def email(person: str) -> str:
    return f"person{person}@example.com"


def jumble(applications: list[ApplicationHarness], chance: random.Random, times: int) -> None:
    """Now one and now the other takes some work, looks after lost work, or has its clock set."""
    hearts = {id(application): Heartbeat(application.ctx, "worker") for application in applications}
    for _ in range(times):
        application = chance.choice(applications)
        application.clock.now += chance.choice(JUMPS)
        if chance.random() < 0.2:
            hearts[id(application)].run_once()
        for queue_name in chance.sample(application.queues, 5):
            due = queue_name.next_due(application.ctx)
            if due is not None and due <= application.clock():
                queue_name.drain(lambda: False)


def come_to_rest(applications: list[ApplicationHarness]) -> None:
    """The clocks are set right."""
    now = max(application.clock() for application in applications) + timedelta(days=2)
    for application in applications:
        application.clock.now = now
        Heartbeat(application.ctx, "worker").run_once()
        application.run()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_the_clocks_do_everything_happens_once(ledger, clock, seed):
    chance, first = random.Random(seed), ApplicationHarness(ledger, clock)
    applications = [first, second_worker(first)]
    for person in PEOPLE:
        first.crm.knows(person, email(person))
        first.webhook(first.won(person), first.won(person))
        first.webhook(first.won(person))
    jumble(applications, chance, 25)
    for application in applications:
        application.clock.forward("3d")
    jumble(applications, chance, 25)
    come_to_rest(applications)
    assert Counter(mail.to.email for mail in first.post.sent("survey")) == Counter(map(email, PEOPLE))

    for number, person in enumerate(PEOPLE):
        chance.choice(applications).answer(first.token(email(person)), number)
        jumble(applications, chance, 3)
    for application in applications:
        application.clock.forward("1m")
    for number, person in enumerate(PEOPLE):
        chance.choice(applications).answer(first.token(email(person)), number + 1)
        jumble(applications, chance, 5)
    come_to_rest(applications)
    assert first.crm.scores == {person: number + 1 for number, person in enumerate(PEOPLE)}
    assert len(first.desk.tickets) == 6
    assert "dead" not in {row.state for row in first.deliveries()}


class LeavingDesk(FakeHelpdesk):
    """While it answers, another worker's clock runs hours ahead and takes its caller for dead."""

    meanwhile = staticmethod(lambda: None)

    @hookimpl
    def nps_open_tickets(self, connection, drafts):
        receipts = super().nps_open_tickets(connection, drafts)
        self.meanwhile()
        return receipts


class LeavingPost(FakeMailChannel):
    meanwhile = staticmethod(lambda: None)

    @hookimpl
    def nps_send_messages(self, connection, messages):
        receipts = super().nps_send_messages(connection, messages)
        self.meanwhile()
        return receipts


def test_a_worker_that_is_taken_for_dead_in_the_middle_of_a_ticket_opens_no_second_one(ledger, clock):
    desk = LeavingDesk()
    first = ApplicationHarness(ledger, clock, desk=desk)
    first.desk = desk
    second = second_worker(first)
    first.answer(first.surveyed(), 1)

    def take_over() -> None:
        second.clock.now = first.clock() + timedelta(hours=2)
        Heartbeat(second.ctx, "worker").run_once()
        second.run()

    desk.meanwhile = take_over
    first.run()
    come_to_rest([first, second])
    [row] = first.deliveries("open_ticket")
    assert (row.state, row.receipt_id, len(desk.tickets)) == ("succeeded", "found", 1)


def test_a_worker_that_is_taken_for_dead_in_the_middle_of_a_mail_has_it_held_and_not_sent_again(ledger, clock):
    post = LeavingPost()
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

    post.meanwhile = take_over
    first.run()
    come_to_rest([first, second])
    [row] = first.deliveries("send_survey")
    assert (row.state, row.hold_code, len(post.sent("survey"))) == ("held", "in_doubt", 1)
