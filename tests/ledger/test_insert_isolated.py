"""`insert_isolated`: rows are inserted in one transaction, and a bad row fails alone."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.exc import IntegrityError
from support.clock import START

from nps_connect.ledger.tables import RawRequest
from nps_connect.ledger.upserts import insert_isolated


def webhook(number: int, **changes: Any) -> dict[str, Any]:
    values = {
        "queue_name": "crm/parse",
        "due_at": START,
        "connection": "crm",
        "method": "POST",
        "url": "https://nps.example.com",
    }
    return values | {"headers": {}, "body": str(number).encode(), "received_at": START} | changes


@pytest.fixture
def commits(ledger):
    commit_count: list[int] = []

    def count(_connection) -> None:
        commit_count.append(1)

    event.listen(ledger.engine, "commit", count)
    yield commit_count
    event.remove(ledger.engine, "commit", count)


def test_rows_share_one_commit_and_each_result_is_the_id_of_its_row(ledger, commits):
    ids = insert_isolated(ledger, RawRequest, [webhook(number) for number in range(64)])
    assert len(commits) == 1
    assert len(set(ids)) == 64
    with ledger.read() as session:
        bodies = [session.get(RawRequest, row_id).body for row_id in ids]
    assert bodies == [str(number).encode() for number in range(64)]


def test_missing_columns_get_their_defaults(ledger):
    [row_id] = insert_isolated(ledger, RawRequest, [webhook(1)])
    with ledger.read() as session:
        row = session.get(RawRequest, row_id)
    assert (row.state, row.attempts, row.events_new, row.events_duplicate) == ("pending", 0, 0, 0)


def test_a_bad_row_fails_alone(ledger):
    rows = [webhook(number, state="pending") for number in range(7)] + [webhook(8, state="nonsense")]
    *ids, error = insert_isolated(ledger, RawRequest, rows)
    assert isinstance(error, IntegrityError)
    assert all(isinstance(row_id, int) for row_id in ids)
    with ledger.read() as session:
        assert session.execute(select(func.count()).select_from(RawRequest)).scalar_one() == 7
    [error] = insert_isolated(ledger, RawRequest, [webhook(9, state="nonsense")])
    assert isinstance(error, IntegrityError)


def test_no_rows_need_no_commit(ledger, commits):
    assert insert_isolated(ledger, RawRequest, []) == []
    assert commits == []
