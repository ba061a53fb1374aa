"""The heart: a living worker holds on to its work, a dead one's is taken over, a jump of the clock costs nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from support.application import ApplicationHarness

from nps_connect.ledger import claims, workers
from nps_connect.ledger.tables import DeliveryRow
from nps_connect.worker.heartbeat import Heartbeat


@pytest.fixture
def application(ledger, clock) -> ApplicationHarness:
    application = ApplicationHarness(ledger, clock)
    for token in [application.surveyed(str(n), f"person{n}@example.com") for n in range(2)]:
        application.answer(token, 0)
    return application


def claim(application, token: str) -> list[DeliveryRow]:
    with application.ledger.write() as session:
        return claims.claim(session, DeliveryRow, "helpdesk/open_ticket", token=token, now=application.clock(), limit=1)


def states(application) -> list[str]:
    with application.ledger.read() as session:
        query = select(DeliveryRow.state).where(DeliveryRow.action == "open_ticket").order_by(DeliveryRow.id)
        return list(session.execute(query).scalars())


@pytest.mark.parametrize("jump", ["8s", "2h"])
def test_what_lives_is_held_and_what_died_is_taken_over(application, jump):
    heart = Heartbeat(application.ctx, "worker")
    claim(application, "of-a-dead-worker")
    with application.ctx.leases.holding("helpdesk/open_ticket"):
        claim(application, application.ctx.token())
        for _ in range(5):
            application.clock.forward(jump)
            heart.run_once()
    assert states(application) == ["pending", "running"]
    application.clock.forward("31s")
    heart.run_once()
    assert states(application) == ["pending", "pending"]


def test_a_clock_that_jumps_back_delays_and_doubles_nothing(application):
    heart = Heartbeat(application.ctx, "worker")
    with application.ctx.leases.holding("helpdesk/open_ticket"):
        claim(application, application.ctx.token())
        application.clock.now -= timedelta(hours=3)
        heart.run_once()
        assert states(application)[0] == "running"
    application.clock.forward("31s")
    heart.run_once()
    assert states(application)[0] == "pending"


def test_a_hand_without_progress_is_given_up_once_and_its_claim_runs_out(application):
    now, hung = [0.0], []
    application.ctx.leases._monotonic = lambda: now[0]
    heart = Heartbeat(application.ctx, "worker", hung.append)
    with application.ctx.leases.holding("helpdesk/open_ticket"):
        claim(application, application.ctx.token())
        for _ in range(3):
            now[0] += 200
            heart.run_once()
        assert hung == ["helpdesk/open_ticket"]
        application.clock.forward("31s")
        heart.run_once()
    assert states(application) == ["pending", "pending"]


def test_a_process_is_seen_while_it_lives_and_says_goodbye(application):
    heart = Heartbeat(application.ctx, "worker")
    with application.ctx.leases.holding("crm/write_score"):
        heart.run_once()
    with application.ledger.read() as session:
        [row] = workers.load_workers(session)
    assert (row.role, row.queues, row.seen_at) == ("worker", ["crm/write_score"], application.clock())
    heart.stop()
    with application.ledger.read() as session:
        assert workers.load_workers(session) == []
