"""A ledger full of work, on either database, for the benchmarks of delivery."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import insert

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from support.clock import START, SteadyClock
from support.house import House
from support.postgres import drop_database, fresh_database, server

from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.schema import upgrade
from nps_connect.ledger.tables import ContactRow, DeliveryRow, InvitationRow, ResponseRow

__all__ = ["START", "House", "SteadyClock", "databases", "fill", "plan"]


@contextmanager
def databases() -> Iterator[dict[str, str]]:
    """The addresses of an empty ledger of each kind."""
    with tempfile.TemporaryDirectory() as folder, server() as maintenance:
        url = fresh_database(maintenance)
        try:
            yield {"SQLite": f"sqlite:///{folder}/ledger.db", "PostgreSQL": url}
        finally:
            drop_database(maintenance, url)


@contextmanager
def house_at(url: str) -> Iterator[House]:
    """A product in one process, on a ledger with the newest schema."""
    ledger = Ledger(url)
    upgrade(ledger)
    try:
        yield House(ledger, SteadyClock())
    finally:
        ledger.close()


def fill(ledger: Ledger, people: int) -> None:
    """Contacts who have answered 9."""
    now = START
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


def plan(ledger: Ledger, lane: str, count: int, *, people: bool = True, due: Any = START, mark: str = "d") -> None:
    """So many pending deliveries."""
    connection, _, action = lane.partition("/")
    with ledger.write() as session:
        for begin in range(1, count + 1, 2000):
            session.execute(
                insert(DeliveryRow),
                [
                    {
                        "key": f"{mark}-{n}", "lane": lane, "state": "pending", "due_at": due, "connection": connection,
                        "action": action, "options": {}, "created_at": START, "attempts": 0, "doubtful": False,
                        "contact_id": n if people else None, "response_id": n if people else None,
                    }
                    for n in range(begin, min(begin + 2000, count + 1))
                ],
            )  # fmt: skip


def _contact(n: int) -> dict[str, Any]:
    email = f"person{n}@example.com"
    record = {"connection": "crm", "id": str(n), "email": email}
    return {
        "id": n, "connection": "crm", "vendor_id": str(n), "email": email, "record": record, "seen_at": START,
        "opted_out": False,
    }  # fmt: skip


def _invitation(n: int) -> dict[str, Any]:
    return {
        "id": n, "survey": "after-purchase", "touchpoint": "purchase", "trigger": "t", "contact_id": n,
        "language": "en", "state": "sent", "created_at": START, "due_at": START, "expires_at": START,
    }  # fmt: skip
