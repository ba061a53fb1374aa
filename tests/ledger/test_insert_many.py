"""`insert_many` and list parameters: values are stored unchanged, and conflicts are resolved per row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select
from support.clock import START

from nps_connect.ledger.bulk_sql import in_list
from nps_connect.ledger.tables import ContactRow
from nps_connect.ledger.upserts import insert_many
from nps_connect.ledger.workers import JobRow
from nps_connect.records.contacts import Contact

NOW = datetime(2026, 5, 4, 9, 30, 0, 123456, tzinfo=UTC)
ROW_COUNT = 207


def contact_values(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "connection": "crm",
        "vendor_id": str(number),
        "email": None,
        "name": 'Zoé "ツ" O\'Neill\n',
        "opted_out": number % 2 == 0,
        "deleted_at": NOW + timedelta(microseconds=number),
        "record": {"fields": {"a": [1, None, "é"], "n": 9_007_199_254_740_993, "x": 0.1}},
        **changes,
    }


def update_name(statement: Any) -> Any:
    return statement.on_conflict_do_update(
        index_elements=["connection", "vendor_id"], set_={"name": statement.excluded.name}
    )


def test_values_are_stored_unchanged_and_in_order(ledger):
    rows = [contact_values(number) for number in range(ROW_COUNT)]
    with ledger.write() as session:
        inserted = insert_many(session, ContactRow, rows, returning=("vendor_id", "id"))
    assert sorted(int(vendor_id) for vendor_id, _ in inserted) == list(range(ROW_COUNT))
    with ledger.read() as session:
        stored = session.execute(select(ContactRow).order_by(ContactRow.id)).scalars().all()
        assert [{name: getattr(contact, name) for name in rows[0]} for contact in stored] == rows
        assert session.execute(select(ContactRow.id).where(ContactRow.email.is_(None))).scalars().first() is not None


def test_a_record_is_stored_as_its_json(ledger):
    marie = Contact(connection="crm", id="1", email="marie@example.com", fields={"city": "Évry"})
    with ledger.write() as session:
        insert_many(session, ContactRow, [contact_values(1, record=marie)])
    with ledger.read() as session:
        assert session.execute(select(ContactRow.record)).scalar_one() == marie.model_dump(mode="json")


def test_missing_columns_get_their_defaults(ledger):
    with ledger.write() as session:
        insert_many(session, JobRow, [{"name": "retention", "queue_name": "jobs", "due_at": START}])
    with ledger.read() as session:
        job = session.execute(select(JobRow)).scalar_one()
    assert (job.state, job.attempts, job.memo, job.lease_token) == ("pending", 0, {}, None)


def test_on_conflict_applies_to_the_conflicting_row_only(ledger):
    with ledger.write() as session:
        insert_many(session, ContactRow, [contact_values(1)])
        rows = [contact_values(1, name="new"), contact_values(2, name="other")]
        insert_many(session, ContactRow, rows, on_conflict=update_name)
    with ledger.read() as session:
        assert session.execute(select(ContactRow.name).order_by(ContactRow.id)).scalars().all() == ["new", "other"]


def test_existing_rows_are_skipped_and_not_returned(ledger):
    with ledger.write() as session:
        insert_many(session, ContactRow, [contact_values(1, name="first")])
        inserted = insert_many(
            session,
            ContactRow,
            [contact_values(1, name="second"), contact_values(2)],
            skip_existing=("connection", "vendor_id"),
            returning=("vendor_id",),
        )
    assert [tuple(row) for row in inserted] == [("2",)]
    with ledger.read() as session:
        assert session.execute(select(ContactRow.name).order_by(ContactRow.id)).scalars().first() == "first"


def test_no_rows_are_not_inserted(ledger):
    with ledger.write() as session:
        assert insert_many(session, ContactRow, [], returning=("id",)) == []


def test_a_list_parameter_matches_exactly_its_texts(ledger):
    texts = ["", "plain", 'quo"te', "back\\slash", "new\nline", "a,b", "{brace}", "NULL", "é", "'"]
    with ledger.write() as session:
        insert_many(session, ContactRow, [contact_values(0, vendor_id=text) for text in [*texts, "another"]])
    query = select(ContactRow.vendor_id).where(in_list(ContactRow.vendor_id, "ids"))
    with ledger.read() as session:
        for listed in (texts, texts[:2], texts[3:4], []):
            assert sorted(session.execute(query, {"ids": listed}).scalars()) == sorted(listed)
