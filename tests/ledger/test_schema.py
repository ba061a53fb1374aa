"""The schema: migrations and tables agree, on both databases; an old one is refused with the command that mends it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import event, inspect, text
from sqlalchemy.exc import StatementError
from support.postgres import create_database, drop_database

from nps_connect.errors import ConfigError
from nps_connect.ledger import bounces, cases, operational_tables, tables
from nps_connect.ledger.columns import Base
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.schema import latest_version, require_current_schema, upgrade
from nps_connect.services.operations.connection_findings import count_unreadable
from nps_connect.services.responses.unconfirmed_scores import count_awaiting_confirmation

ALL_TABLES = (tables, operational_tables, bounces, cases)


def catalogue(ledger: Ledger) -> dict[str, object]:
    """What the database itself says of every table, with the text of every index."""
    found: dict[str, object] = {}
    inspector = inspect(ledger.engine)
    for name in sorted(set(inspector.get_table_names()) - {"alembic_version"}):
        found[name] = {
            "columns": {c["name"]: (str(c["type"]), c["nullable"]) for c in inspector.get_columns(name)},
            "primary key": inspector.get_pk_constraint(name),
            "foreign keys": sorted(
                (k["name"], k["constrained_columns"], k["referred_table"]) for k in inspector.get_foreign_keys(name)
            ),
            "unique": sorted((u["name"], u["column_names"]) for u in inspector.get_unique_constraints(name)),
            "checks": sorted((c["name"], c["sqltext"]) for c in inspector.get_check_constraints(name)),
            "indexes": index_texts(ledger, name),
        }
    return found


def index_texts(ledger: Ledger, table: str) -> list[str]:
    """The definition of every index, with its predicate: Alembic does not compare those."""
    query = (
        "SELECT sql FROM sqlite_master WHERE type = 'index' AND tbl_name = :table AND sql IS NOT NULL"
        if ledger.is_sqlite
        else "SELECT indexdef FROM pg_indexes WHERE tablename = :table"
    )
    with ledger.engine.connect() as connection:
        return sorted(
            " ".join(row.split()).replace('"', "")
            for row in connection.execute(text(query), {"table": table}).scalars()
        )


@pytest.fixture
def created(database_url, request):
    """A database made from the tables as the code declares them, without migrations."""
    if database_url.startswith("sqlite"):
        ledger = Ledger("sqlite://")
        Base.metadata.create_all(ledger.engine)
        yield ledger
        ledger.close()
        return
    maintenance = request.getfixturevalue("postgres")
    url = create_database(maintenance)
    ledger = Ledger(url)
    Base.metadata.create_all(ledger.engine)
    yield ledger
    ledger.close()
    drop_database(maintenance, url)


def test_migrations_make_exactly_the_tables_that_the_code_declares(ledger, created):
    migrated, declared = catalogue(ledger), catalogue(created)
    assert migrated.keys() == declared.keys()
    for table in declared:
        assert migrated[table] == declared[table], table


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # PostgreSQL plans by what the tables hold
@pytest.mark.parametrize("index", ["ix_raw_requests_unreadable", "ix_responses_to_confirm"])
def test_what_status_counts_is_found_by_a_partial_index(ledger, index):
    asked: list[tuple[str, object]] = []

    def note(_connection, _cursor, statement, parameters, *_):
        asked.append((statement, parameters))

    event.listen(ledger.engine, "before_cursor_execute", note)
    with ledger.read() as session:
        count_unreadable(session, "crm")
        count_awaiting_confirmation(session, datetime(2026, 11, 17, tzinfo=UTC))
    event.remove(ledger.engine, "before_cursor_execute", note)
    with ledger.engine.connect() as connection:
        plans = [
            str(row)
            for statement, parameters in asked
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]
    assert any(index in plan for plan in plans), plans


def test_the_claim_index_is_partial_and_in_exactly_this_order(ledger):
    assert any(
        "(queue_name, due_at, id) WHERE" in definition and "pending" in definition
        for definition in index_texts(ledger, "deliveries")
    )


def test_upgrading_twice_is_harmless(ledger):
    assert upgrade(ledger) == (latest_version(), latest_version())


def test_an_empty_database_is_refused_with_the_command_that_mends_it(tmp_path):
    ledger = Ledger(f"sqlite:///{tmp_path / 'empty.db'}")
    with pytest.raises(ConfigError, match=r"is empty.*run: nps-connect db upgrade"):
        require_current_schema(ledger)
    ledger.close()


@pytest.mark.parametrize(
    ("version", "told"),
    [("0001", "old schema 0001.*db upgrade"), ("9999", "newer than this program.*install the newer")],
)
def test_another_version_is_refused(ledger, version, told):
    _be_at(ledger, version)
    try:
        with pytest.raises(ConfigError, match=told):
            require_current_schema(ledger)
    finally:
        _be_at(ledger, latest_version())  # the next test gets the same database


def _be_at(ledger, version):
    with ledger.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :version"), {"version": version})


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("mysql://localhost/nps", "'mysql' is not known"),
        ("rubbish", "not a database address"),
        ("sqlite:////nowhere/at/all/ledger.db", "cannot be reached"),
        ("postgresql://nobody:secret-password@127.0.0.1:1/nps", "cannot be reached"),
    ],
)
def test_an_unusable_database_is_told_without_its_password(url, told):
    with pytest.raises(ConfigError, match=told) as caught:
        Ledger(url).ping()
    assert "secret-password" not in str(caught.value)


def test_times_come_back_aware_and_naive_ones_are_refused(ledger):
    moment = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    with ledger.write() as session:
        session.add(operational_tables.PauseRow(scope="mail", cause="operator", reason="x", since=moment))
    with ledger.read() as session:
        assert session.get(operational_tables.PauseRow, "mail").since == moment
    naive = operational_tables.PauseRow(scope="crm", cause="operator", reason="x", since=moment.replace(tzinfo=None))
    with ledger.write() as session:
        session.add(naive)
        with pytest.raises(StatementError, match="time without a zone"):
            session.flush()
        session.rollback()


def test_sqlite_keeps_what_was_committed_through_a_power_cut(tmp_path):
    ledger = Ledger(f"sqlite:///{tmp_path / 'x.db'}")
    with ledger.engine.connect() as connection:
        settings = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    ledger.close()
    assert settings == ["wal", 2, 1]
