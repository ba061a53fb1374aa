"""Claim, start, settle: no row is lost or processed twice, and a lost lease cannot change a row."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from support.clock import START

from nps_connect.ledger import claims
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.tables import DeliveryRow

QUEUE = "crm/write_score"


def insert_deliveries(ledger: Ledger, count: int, *, queue_name: str = QUEUE, due_at=START) -> None:
    with ledger.write() as session:
        session.add_all(
            DeliveryRow(
                key=f"{queue_name}-{n}-{due_at}",
                queue_name=queue_name,
                connection="crm",
                action="write_score",
                due_at=due_at,
                created_at=START,
            )
            for n in range(count)
        )


def claim(ledger: Ledger, token: str, *, limit: int = 100, now=START, queue_name: str = QUEUE) -> list[DeliveryRow]:
    with ledger.write() as session:
        return claims.claim(session, DeliveryRow, queue_name, token=token, now=now, limit=limit)


def test_a_claim_returns_the_oldest_due_rows_of_its_queue_only(ledger):
    insert_deliveries(ledger, 2, due_at=START)
    insert_deliveries(ledger, 2, due_at=START - timedelta(hours=1))
    insert_deliveries(ledger, 2, due_at=START + timedelta(hours=1))
    insert_deliveries(ledger, 2, queue_name="crm/other")
    claimed = claim(ledger, "a", limit=3)
    assert [row.due_at for row in claimed] == [START - timedelta(hours=1)] * 2 + [START]
    assert {row.state for row in claimed} == {"running"}
    assert len(claim(ledger, "b")) == 1


def test_concurrent_workers_claim_each_row_once(ledger):
    insert_deliveries(ledger, 200)
    claimed_ids: list[int] = []

    def work(name: str) -> None:
        while rows := claim(ledger, name, limit=7):
            claimed_ids.extend(row.id for row in rows)

    threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(claimed_ids) == 200
    assert len(set(claimed_ids)) == 200


def test_settling_with_a_lost_lease_does_not_change_the_row(ledger):
    insert_deliveries(ledger, 1)
    row = claim(ledger, "first")[0]
    with ledger.write() as session:
        for lost in claims.lock_expired(session, DeliveryRow, now=START + claims.LEASE_DURATION + timedelta(seconds=1)):
            lost.state, lost.lease_token, lost.lease_until = "pending", None, None
    assert claim(ledger, "second", now=START + timedelta(hours=1))[0].id == row.id
    with ledger.write() as session:
        assert claims.settle_many(session, DeliveryRow, {row.id: {"state": "succeeded"}}, token="first") == set()
        assert claims.settle_many(session, DeliveryRow, {row.id: {"state": "dead"}}, token="second") == {row.id}
    with ledger.read() as session:
        assert session.get(DeliveryRow, row.id).state == "dead"


def test_start_returns_only_rows_whose_lease_is_held(ledger):
    insert_deliveries(ledger, 2)
    first, second = claim(ledger, "a")
    with ledger.write() as session:
        claims.release(session, DeliveryRow, [second.id], token="a")
        assert claims.start(session, DeliveryRow, [first.id, second.id], token="a", now=START) == {first.id}


def test_after_a_restart_every_running_row_is_returned_with_its_start_time(ledger):
    insert_deliveries(ledger, 3)
    rows = claim(ledger, "a")
    with ledger.write() as session:
        claims.start(session, DeliveryRow, [rows[0].id], token="a", now=START)
    with ledger.write() as session:
        assert claims.lock_expired(session, DeliveryRow, now=START) == []
        expired = claims.lock_expired(session, DeliveryRow, now=None)
        assert [row.started_at is not None for row in expired] == [True, False, False]


@pytest.mark.parametrize("rows", [0, 3])
def test_next_due_is_the_due_time_of_the_earliest_pending_row(ledger, rows):
    insert_deliveries(ledger, rows, due_at=START + timedelta(hours=2))
    with ledger.read() as session:
        assert claims.next_due(session, DeliveryRow, QUEUE) == (START + timedelta(hours=2) if rows else None)
        assert session.execute(select(func.count()).select_from(DeliveryRow)).scalar_one() == rows
