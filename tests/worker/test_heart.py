"""The heart: a living worker holds on to its work, a dead one's is taken over, a jump of the clock costs nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from support.house import House

from nps_connect.ledger import claims, workers
from nps_connect.ledger.tables import DeliveryRow
from nps_connect.worker.heart import Heart


@pytest.fixture
def house(ledger, clock) -> House:
    house = House(ledger, clock)
    for token in [house.surveyed(str(n), f"person{n}@example.com") for n in range(2)]:
        house.answer(token, 0)
    return house


def claim(house, token: str) -> list[DeliveryRow]:
    with house.ledger.write() as session:
        return claims.claim(session, DeliveryRow, "helpdesk/open_ticket", token=token, now=house.clock(), limit=1)


def states(house) -> list[str]:
    with house.ledger.read() as session:
        query = select(DeliveryRow.state).where(DeliveryRow.action == "open_ticket").order_by(DeliveryRow.id)
        return list(session.execute(query).scalars())


@pytest.mark.parametrize("jump", ["8s", "2h"])
def test_what_lives_is_held_and_what_died_is_taken_over(house, jump):
    heart = Heart(house.ctx, "worker")
    claim(house, "of-a-dead-worker")
    with house.ctx.leases.working("helpdesk/open_ticket"):
        claim(house, house.ctx.token())
        for _ in range(5):
            house.clock.forward(jump)
            heart.beat()
    assert states(house) == ["pending", "running"]
    house.clock.forward("31s")
    heart.beat()
    assert states(house) == ["pending", "pending"]


def test_a_clock_that_jumps_back_delays_and_doubles_nothing(house):
    heart = Heart(house.ctx, "worker")
    with house.ctx.leases.working("helpdesk/open_ticket"):
        claim(house, house.ctx.token())
        house.clock.now -= timedelta(hours=3)
        heart.beat()
        assert states(house)[0] == "running"
    house.clock.forward("31s")
    heart.beat()
    assert states(house)[0] == "pending"


def test_a_hand_without_progress_is_given_up_once_and_its_claim_runs_out(house):
    now, hung = [0.0], []
    house.ctx.leases._monotonic = lambda: now[0]
    heart = Heart(house.ctx, "worker", hung.append)
    with house.ctx.leases.working("helpdesk/open_ticket"):
        claim(house, house.ctx.token())
        for _ in range(3):
            now[0] += 200
            heart.beat()
        assert hung == ["helpdesk/open_ticket"]
        house.clock.forward("31s")
        heart.beat()
    assert states(house) == ["pending", "pending"]


def test_a_process_is_seen_while_it_lives_and_says_goodbye(house):
    heart = Heart(house.ctx, "worker")
    with house.ctx.leases.working("crm/write_score"):
        heart.beat()
    with house.ledger.read() as session:
        [row] = workers.known(session)
    assert (row.role, row.doing, row.seen_at) == ("worker", ["crm/write_score"], house.clock())
    heart.stop()
    with house.ledger.read() as session:
        assert workers.known(session) == []
