"""Contacts are stored as their vendors know them, and written only when they changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy import event, select
from support.clock import START

from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.tables import ContactRow
from nps_connect.records.contacts import Contact
from nps_connect.services.contacts.contact_batch import upsert_contacts

MARIE = Contact(connection="crm", id="1", email="marie@example.com", name="Marie", fields={"city": "Évry"})
YEAR = timedelta(days=365)


@contextmanager
def written_tables(ledger: Ledger) -> Iterator[list[str]]:
    """Yield the beginnings of the writing statements that run inside the block."""
    written: list[str] = []

    def record_statement(_connection, _cursor, statement, *_rest) -> None:
        if statement.startswith(("INSERT", "UPDATE", "DELETE")):
            written.append(" ".join(statement.split()[:3]))

    event.listen(ledger.engine, "before_cursor_execute", record_statement)
    yield written
    event.remove(ledger.engine, "before_cursor_execute", record_statement)


def upsert(ledger: Ledger, contact: Contact, now=START) -> None:
    with ledger.write() as session:
        upsert_contacts(session, [contact], now)


def test_an_unchanged_contact_is_not_written_however_old_it_is(ledger):
    upsert(ledger, MARIE)
    with written_tables(ledger) as written:
        upsert(ledger, MARIE, START + YEAR)
    assert written == []


def test_a_changed_contact_is_written_with_all_that_changed(ledger):
    upsert(ledger, MARIE)
    changed = MARIE.model_copy(update={"email": "m@example.com", "name": "Marie B.", "opted_out": True})
    with written_tables(ledger) as written:
        upsert(ledger, changed, START + YEAR)
    assert written == ["UPDATE contacts SET"]
    with ledger.read() as session:
        row = session.execute(select(ContactRow)).scalar_one()
    assert (row.email, row.name, row.opted_out, row.record) == (
        "m@example.com",
        "Marie B.",
        True,
        changed.model_dump(mode="json"),
    )
