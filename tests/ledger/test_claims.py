"""Claim, start, settle: no row is lost, none is worked off twice, and a lost lease can change nothing."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from support.clock import START

from nps_connect.ledger import claims
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.tables import DeliveryRow

LANE = "crm/write_score"


def fill(ledger: Ledger, count: int, *, queue_name: str = LANE, due=START) -> None:
    with ledger.write() as session:
        session.add_all(
            DeliveryRow(
                key=f"{queue_name}-{n}-{due}",
                queue_name=queue_name,
                connection="crm",
                action="write_score",
                due_at=due,
                created_at=START,
            )
            for n in range(count)
        )


def claim(ledger: Ledger, token: str, *, limit: int = 100, now=START, queue_name: str = LANE) -> list[DeliveryRow]:
    with ledger.write() as session:
        return claims.claim(session, DeliveryRow, queue_name, token=token, now=now, limit=limit)


def test_a_claim_takes_the_oldest_due_rows_of_its_queue_only(ledger):
    fill(ledger, 2, due=START)
    fill(ledger, 2, due=START - timedelta(hours=1))
    fill(ledger, 2, due=START + timedelta(hours=1))
    fill(ledger, 2, queue_name="crm/other")
    taken = claim(ledger, "a", limit=3)
    assert [row.due_at for row in taken] == [START - timedelta(hours=1)] * 2 + [START]
    assert {row.state for row in taken} == {"running"}
    assert len(claim(ledger, "b")) == 1


def test_many_workers_share_the_rows_without_taking_any_twice(ledger):
    fill(ledger, 200)
    taken: list[int] = []

    def work(name: str) -> None:
        while rows := claim(ledger, name, limit=7):
            taken.extend(row.id for row in rows)

    threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(taken) == 200
    assert len(set(taken)) == 200


def test_settling_with_a_lost_lease_changes_nothing(ledger):
    fill(ledger, 1)
    row = claim(ledger, "first")[0]
    with ledger.write() as session:
        for lost in claims.lock_expired(session, DeliveryRow, now=START + claims.LEASE_DURATION + timedelta(seconds=1)):
            lost.state, lost.lease_token, lost.lease_until = "pending", None, None
    assert claim(ledger, "second", now=START + timedelta(hours=1))[0].id == row.id
    with ledger.write() as session:
        assert not claims.settle(session, DeliveryRow, row.id, token="first", values={"state": "succeeded"})
        assert claims.settle(session, DeliveryRow, row.id, token="second", values={"state": "dead"})
    with ledger.read() as session:
        assert session.get(DeliveryRow, row.id).state == "dead"


def test_starting_gives_only_what_is_still_held(ledger):
    fill(ledger, 2)
    one, two = claim(ledger, "a")
    with ledger.write() as session:
        claims.release(session, DeliveryRow, [two.id], token="a")
        assert claims.start(session, DeliveryRow, [one.id, two.id], token="a", now=START) == {one.id}


def test_after_a_restart_every_running_row_is_found_and_only_started_ones_are_marked(ledger):
    fill(ledger, 3)
    rows = claim(ledger, "a")
    with ledger.write() as session:
        claims.start(session, DeliveryRow, [rows[0].id], token="a", now=START)
    with ledger.write() as session:
        assert claims.lock_expired(session, DeliveryRow, now=START) == []
        found = claims.lock_expired(session, DeliveryRow, now=None)
        assert [row.started_at is not None for row in found] == [True, False, False]


@pytest.mark.parametrize("rows", [0, 3])
def test_next_due_is_the_earliest_pending_row(ledger, rows):
    fill(ledger, rows, due=START + timedelta(hours=2))
    with ledger.read() as session:
        assert claims.next_due(session, DeliveryRow, LANE) == (START + timedelta(hours=2) if rows else None)
        assert session.execute(select(func.count()).select_from(DeliveryRow)).scalar_one() == rows
