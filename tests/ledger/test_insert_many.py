"""Many rows by one statement: every value comes back as it went in, and clashes are settled row by row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from nps_connect.ledger.bulk_sql import in_list
from nps_connect.ledger.tables import ContactRow
from nps_connect.ledger.upserts import SQLITE_BATCH_SIZE, insert_many
from nps_connect.records.contacts import Contact

NOW = datetime(2026, 5, 4, 9, 30, 0, 123456, tzinfo=UTC)


def row(number: int, **more: Any) -> dict[str, Any]:
    return {
        "connection": "crm",
        "vendor_id": str(number),
        "email": None,
        "name": 'Zoé "ツ" O\'Neill\n',
        "opted_out": number % 2 == 0,
        "seen_at": NOW + timedelta(microseconds=number),
        "record": {"fields": {"a": [1, None, "é"]}},
        **more,
    }


def known(statement: Any) -> Any:
    return statement.on_conflict_do_update(
        index_elements=["connection", "vendor_id"], set_={"name": statement.excluded.name}
    )


def test_values_come_back_as_they_went_in_in_more_than_one_statement(ledger):
    rows = [row(number) for number in range(SQLITE_BATCH_SIZE + 7)]
    with ledger.write() as session:
        told = insert_many(session, ContactRow, rows, returning=("vendor_id", "id"))
    assert sorted(int(vendor_id) for vendor_id, _ in told) == list(range(SQLITE_BATCH_SIZE + 7))
    with ledger.read() as session:
        stored = session.execute(select(ContactRow).order_by(ContactRow.id)).scalars().all()
        assert [{name: getattr(one, name) for name in rows[0]} for one in stored] == rows
        assert session.execute(select(ContactRow.id).where(ContactRow.email.is_(None))).scalars().first() is not None


def test_a_record_is_stored_as_its_json(ledger):
    marie = Contact(connection="crm", id="1", email="marie@example.com", fields={"city": "Évry"})
    with ledger.write() as session:
        insert_many(session, ContactRow, [row(1, record=marie)])
    with ledger.read() as session:
        assert session.execute(select(ContactRow.record)).scalar_one() == marie.model_dump(mode="json")


def test_a_clash_is_settled_for_its_row_alone(ledger):
    with ledger.write() as session:
        insert_many(session, ContactRow, [row(1)])
        insert_many(session, ContactRow, [row(1, name="new"), row(2, name="other")], on_conflict=known)
    with ledger.read() as session:
        assert session.execute(select(ContactRow.name).order_by(ContactRow.id)).scalars().all() == ["new", "other"]


def test_no_rows_are_no_work(ledger):
    with ledger.write() as session:
        assert insert_many(session, ContactRow, [], returning=("id",)) == []


def test_a_list_of_any_texts_finds_exactly_those(ledger):
    odd = ["", "plain", 'quo"te', "back\\slash", "new\nline", "a,b", "{brace}", "NULL", "é", "'"]
    with ledger.write() as session:
        insert_many(session, ContactRow, [row(0, vendor_id=one) for one in [*odd, "another"]])
    query = select(ContactRow.vendor_id).where(in_list(ContactRow.vendor_id, "ids"))
    with ledger.read() as session:
        for some in (odd, odd[:2], odd[3:4], []):
            assert sorted(session.execute(query, {"ids": some}).scalars()) == sorted(some)
