"""Figures of queues: bounded counts, and the due times by which a process finds its work."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import bindparam, event, text
from support.clock import START

from nps_connect.ledger.columns import UtcDateTime
from nps_connect.ledger.queue_figures import (
    COUNT_LIMIT,
    WaitingRows,
    format_counts,
    load_due_times,
    load_waiting_rows,
)
from nps_connect.ledger.tables import DeliveryRow
from nps_connect.ledger.workers import JobRow

INSERT = """
INSERT INTO deliveries (key, queue_name, state, due_at, connection, action, options, created_at, attempts, in_doubt)
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :count)
SELECT :queue_name || CAST(n AS TEXT), CAST(:queue_name AS TEXT), 'pending', :due_at, 'crm', 'write_score', '{}', :due_at,
       0, false
FROM numbers
"""


@pytest.fixture
def insert_deliveries(ledger):
    def insert(queue_name, count, due_at=START):
        statement = text(INSERT).bindparams(bindparam("due_at", type_=UtcDateTime()))
        with ledger.write() as session:
            session.execute(statement, {"queue_name": queue_name, "count": count, "due_at": due_at})

    return insert


def test_waiting_rows_are_counted_exactly_below_the_limit(ledger, insert_deliveries):
    insert_deliveries("crm/write_score", 3)
    insert_deliveries("mail/send_survey", 2, START + timedelta(hours=1))
    with ledger.read() as session:
        waiting = load_waiting_rows(session, DeliveryRow, START)
    assert waiting == {
        "crm/write_score": WaitingRows(pending=3, due=3, oldest_due_at=START),
        "mail/send_survey": WaitingRows(pending=2, due=0, oldest_due_at=START + timedelta(hours=1)),
    }


def test_deliveries_that_wait_for_another_attempt_are_found_by_an_index(ledger, insert_deliveries, executed_statements):
    insert_deliveries("crm/write_score", 3, START + timedelta(hours=1))
    with ledger.write() as session:
        session.execute(text("UPDATE deliveries SET attempts = 1 WHERE id IN (SELECT MAX(id) FROM deliveries)"))
    with ledger.read() as session:
        waiting = load_waiting_rows(session, DeliveryRow, START)
        statement = executed_statements[-1]
        if ledger.engine.dialect.name == "sqlite":
            plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", (0,) * statement.count("?"))
            searches = [row[3] for row in plan if "ix_deliveries_retried" in row[3]]
            assert len(searches) == 2
    assert waiting["crm/write_score"].due == 1


def test_a_queue_is_counted_up_to_the_limit(ledger, insert_deliveries):
    insert_deliveries("crm/write_score", COUNT_LIMIT + 5)
    insert_deliveries("mail/send_survey", 2)
    with ledger.read() as session:
        waiting = load_waiting_rows(session, DeliveryRow, START)
    assert {name: (rows.pending, rows.due) for name, rows in waiting.items()} == {
        "crm/write_score": (COUNT_LIMIT, COUNT_LIMIT),
        "mail/send_survey": (2, 2),
    }


@pytest.mark.parametrize(
    ("counts", "shown"), [([], "0"), ([7_000, 8_000], "15000"), ([COUNT_LIMIT], "10000+"), ([COUNT_LIMIT, 1], "10001+")]
)
def test_a_sum_says_that_it_may_be_larger(counts, shown):
    assert format_counts(counts) == shown


def test_due_times_of_all_queues_come_from_one_statement(ledger, insert_deliveries, executed_statements):
    insert_deliveries("crm/write_score", 2, START + timedelta(hours=1))
    insert_deliveries("crm/write_score#", 1, START)
    with ledger.write() as session:
        session.add(JobRow(name="retention", queue_name="jobs", due_at=START, memo={}))
    executed_statements.clear()
    with ledger.read() as session:
        due_times = load_due_times(session, (DeliveryRow, JobRow))
    assert due_times == {"crm/write_score": START + timedelta(hours=1), "crm/write_score#": START, "jobs": START}
    assert len([statement for statement in executed_statements if "queue_names" in statement]) == 1


@pytest.fixture
def executed_statements(ledger):
    statements: list[str] = []

    def record(_connection, _cursor, statement, *_):
        statements.append(statement)

    event.listen(ledger.engine, "before_cursor_execute", record)
    yield statements
    event.remove(ledger.engine, "before_cursor_execute", record)
