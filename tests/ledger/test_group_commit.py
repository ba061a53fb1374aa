"""Group commit: many who come at once share commits, each knows its id, and one bad row fails alone."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.exc import IntegrityError
from support.clock import START

from nps_connect.ledger.tables import RawRequest


def webhook(number: int, **more) -> RawRequest:
    values = {
        "queue_name": "crm/parse",
        "due_at": START,
        "connection": "crm",
        "method": "POST",
        "url": "https://nps.example.com",
    }
    return RawRequest(**values | {"headers": {}, "body": str(number).encode(), "received_at": START} | more)


def test_many_at_once_share_commits_and_every_row_is_there_when_its_call_returns(ledger):
    commits, rows = [], [webhook(n) for n in range(64)]
    event.listen(ledger.engine, "commit", lambda _connection: commits.append(1))
    seen: list[bytes] = []

    def come(mine: list[RawRequest]) -> None:
        for row in mine:
            ledger.add(row)
            with ledger.read() as session:
                seen.append(session.get(RawRequest, row.id).body)

    threads = [threading.Thread(target=come, args=(rows[n::16],)) for n in range(16)]
    with ledger.write():  # somebody else writes: on SQLite all of them wait, and go together
        for thread in threads:
            thread.start()
        threads[0].join(0.2)
    for thread in threads:
        thread.join(30)
    assert sorted(seen) == sorted(row.body for row in rows)
    assert len({row.id for row in rows}) == 64
    assert len(commits) < 64 + 1


def test_one_bad_row_fails_alone(ledger):
    good, bad, errors = [webhook(n) for n in range(7)], webhook(8, state="nonsense"), []

    def come(row: RawRequest) -> None:
        try:
            ledger.add(row)
        except IntegrityError as error:
            errors.append(error)

    threads = [threading.Thread(target=come, args=(row,)) for row in (*good, bad)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    with ledger.read() as session:
        assert session.execute(select(func.count()).select_from(RawRequest)).scalar_one() == 7
    assert len(errors) == 1
    with pytest.raises(IntegrityError):
        ledger.add(webhook(9, state="nonsense"))
