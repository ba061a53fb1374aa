"""Ledgers with pending work on both databases, for the benchmarks of deliveries."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import bindparam, insert, text

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from support.application import ApplicationHarness
from support.clock import START, ManualClock
from support.postgres import create_database, drop_database, postgres_server

from nps_connect.ledger.columns import UtcDateTime
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.schema import create
from nps_connect.ledger.subjects import mailbox_hash
from nps_connect.ledger.tables import ContactRow, InvitationRow, ResponseRow
from nps_connect.web.app import create_app

__all__ = [
    "START",
    "ApplicationHarness",
    "ManualClock",
    "analyze",
    "application_at",
    "build_product_app",
    "create_database",
    "databases",
    "drop_database",
    "insert_deliveries",
    "insert_responses",
    "postgres_server",
]


@contextmanager
def databases() -> Iterator[dict[str, str]]:
    """Yield the URL of an empty ledger on each database."""
    with tempfile.TemporaryDirectory() as folder, postgres_server() as maintenance:
        url = create_database(maintenance)
        try:
            yield {"SQLite": f"sqlite:///{folder}/ledger.db", "PostgreSQL": url}
        finally:
            drop_database(maintenance, url)


@contextmanager
def application_at(url: str) -> Iterator[ApplicationHarness]:
    """Open the application in this process, on a ledger with the newest schema."""
    ledger = Ledger(url, create=True)
    create(ledger)
    try:
        yield ApplicationHarness(ledger, ManualClock())
    finally:
        ledger.close()


def build_product_app(url: str) -> object:
    """Return the ASGI application on a ledger with the newest schema."""
    application = ApplicationHarness(Ledger(url), ManualClock())
    return create_app(application.backend, clock=application.clock)


def analyze(ledger: Ledger, *tables: str) -> None:
    """Update the statistics of PostgreSQL, as its autovacuum does after a minute."""
    if not ledger.is_sqlite:
        with ledger.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as database:
            for table in tables:
                database.exec_driver_sql(f"VACUUM ANALYZE {table}")


def insert_responses(ledger: Ledger, people: int, now: datetime = START) -> None:
    """Insert contacts with a response of 9."""
    with ledger.write() as session:
        for begin in range(1, people + 1, 1000):
            ids = range(begin, min(begin + 1000, people + 1))
            session.execute(insert(ContactRow), [_contact(n) for n in ids])
            session.execute(insert(InvitationRow), [_invitation(n) for n in ids])
            session.execute(
                insert(ResponseRow),
                [
                    {
                        "id": n, "public_id": f"r-{n}", "invitation_id": n, "contact_id": n, "survey": "after-purchase",
                        "touchpoint": "purchase", "scale": "nps-0-10", "revision": 1, "score": 9, "language": "en",
                        "do_not_contact": False, "answered_at": now,
                    }
                    for n in ids
                ],
            )  # fmt: skip


INSERT_DELIVERIES = """
INSERT INTO deliveries (key, queue_name, state, due_at, connection, action, options, created_at, attempts, in_doubt,
                        contact_id, response_id)
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :count)
SELECT CAST(:mark AS TEXT) || '-' || CAST(n AS TEXT), :queue_name, 'pending', :due, :connection, :action, '{}', :now, 0,
       false, CASE WHEN :people > 0 THEN (n - 1) % :people + 1 END, CASE WHEN :people > 0 THEN (n - 1) % :people + 1 END
FROM numbers
"""


def insert_deliveries(
    ledger: Ledger, queue_name: str, count: int, *, people: int = 0, due: Any = START, mark: str = "d"
) -> None:
    """Insert pending deliveries by one statement, about so many contacts in turn, or about none."""
    connection, _, action = queue_name.partition("/")
    moments = (bindparam("due", type_=UtcDateTime()), bindparam("now", type_=UtcDateTime()))
    parameters = {
        "queue_name": queue_name,
        "connection": connection,
        "action": action,
        "due": due,
        "now": START,
        "mark": mark,
    }
    with ledger.write() as session:
        session.connection().execute(
            text(INSERT_DELIVERIES).bindparams(*moments), {**parameters, "count": count, "people": people}
        )


def _contact(n: int) -> dict[str, Any]:
    email = f"person{n}@example.com"
    record = {"connection": "crm", "id": str(n), "email": email}
    return {
        "id": n, "connection": "crm", "vendor_id": str(n), "email": email, "mailbox": mailbox_hash(email),
        "record": record, "opted_out": False,
    }  # fmt: skip


def _invitation(n: int) -> dict[str, Any]:
    return {
        "id": n, "public_id": f"{n:032x}", "survey": "after-purchase", "touchpoint": "purchase", "trigger": "t",
        "contact_id": n, "language": "en", "state": "sent", "created_at": START, "due_at": START, "expires_at": START,
    }  # fmt: skip
