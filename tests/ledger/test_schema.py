"""The schema on both databases: the migration equals the tables, other versions and files are refused."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from sqlalchemy import event, inspect, text
from sqlalchemy.exc import OperationalError, StatementError
from support.application import CONFIGURATION
from support.sqlite_files import copy_database

from nps_connect.app.actions import ACTIONS
from nps_connect.errors import ConfigError
from nps_connect.ledger import all_tables, schema  # noqa: F401  # all_tables completes the metadata
from nps_connect.ledger.columns import Base
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.pauses import PauseRow
from nps_connect.ledger.schema import create, latest_version, require_current_schema, upgrade
from nps_connect.records.bounces import Bounce
from nps_connect.services.operations.status import load_status
from nps_connect.services.suppressions.bounce_effects import find_delivery
from nps_connect.settings.model import Settings


def load_catalog(ledger: Ledger) -> dict[str, object]:
    """Return the database's own description of every table, with the text of every index."""
    catalog: dict[str, object] = {}
    inspector = inspect(ledger.engine)
    for name in sorted(set(inspector.get_table_names()) - {"alembic_version"}):
        catalog[name] = {
            "columns": {c["name"]: (str(c["type"]), c["nullable"], c["default"]) for c in inspector.get_columns(name)},
            "primary key": inspector.get_pk_constraint(name),
            "foreign keys": sorted(
                (k["name"], k["constrained_columns"], k["referred_table"]) for k in inspector.get_foreign_keys(name)
            ),
            "unique": sorted((u["name"], u["column_names"]) for u in inspector.get_unique_constraints(name)),
            "checks": sorted((c["name"], c["sqltext"]) for c in inspector.get_check_constraints(name)),
            "indexes": index_texts(ledger, name),
        }
    return catalog


def index_texts(ledger: Ledger, table: str) -> list[str]:
    """Return the definition of every index with its predicate, which Alembic does not compare."""
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


def test_the_migration_creates_exactly_the_declared_tables(ledger, empty_ledger):
    Base.metadata.create_all(empty_ledger.engine)
    migrated, declared = load_catalog(ledger), load_catalog(empty_ledger)
    assert migrated.keys() == declared.keys()
    for table in declared:
        assert migrated[table] == declared[table], table


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # PostgreSQL plans by what the tables hold
@pytest.mark.parametrize(
    "index",
    [
        "ix_raw_requests_unreadable",
        "ix_responses_to_confirm",
        "ix_deliveries_message_id",
        "ix_deliveries_in_doubt",
        "ix_deliveries_stopped",
        "ix_deliveries_succeeded",
        "ix_deliveries_due",
        "ix_events_due",
        "ix_attempts_failed",
    ],
)
def test_the_counts_of_status_and_the_mail_that_came_back_use_a_partial_index(ledger, index):
    executed: list[tuple[str, object]] = []

    def record_statement(_connection, _cursor, statement, parameters, *_):
        executed.append((statement, parameters))

    event.listen(ledger.engine, "before_cursor_execute", record_statement)
    with ledger.read() as session:
        load_status(session, Settings.model_validate(CONFIGURATION), datetime(2026, 11, 17, tzinfo=UTC))
        find_delivery(
            SimpleNamespace(actions=ACTIONS, links=None), session, Bounce(kind="soft", message_id="<ours@example.com>")
        )
    event.remove(ledger.engine, "before_cursor_execute", record_statement)
    with ledger.engine.connect() as connection:
        plans = [
            str(row)
            for statement, parameters in executed
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]
    assert any(index in plan for plan in plans), plans


def test_the_claim_index_is_partial_and_ordered_by_queue_due_time_and_id(ledger):
    assert any(
        "(queue_name, due_at, id) WHERE" in definition and "pending" in definition
        for definition in index_texts(ledger, "deliveries")
    )


def test_an_empty_database_is_refused_with_the_command_that_creates_the_schema(tmp_path):
    (tmp_path / "empty.db").touch()
    ledger = Ledger(f"sqlite:///{tmp_path / 'empty.db'}")
    for act in (require_current_schema, upgrade):
        with pytest.raises(ConfigError, match=r"is empty.*for a new database: nps-connect db create"):
            act(ledger)
    ledger.close()


def test_a_database_is_created_once(empty_ledger):
    assert create(empty_ledger)
    assert not create(empty_ledger)


def test_a_missing_file_is_never_opened_as_a_new_database(tmp_path):
    ledger = Ledger(f"sqlite:///{tmp_path / 'lost.db'}")
    for act in (require_current_schema, upgrade):
        with pytest.raises(
            ConfigError, match=r"lost\.db does not exist; to restore a backup, run: nps-connect db restore"
        ):
            act(ledger)
    with pytest.raises(OperationalError), ledger.read() as session:
        session.execute(text("SELECT 1"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("change", "state"), [("delete", "was deleted"), ("replace", "was replaced")])
def test_a_file_that_is_lost_while_in_use_is_noticed(tmp_path, sqlite_template, change, state):
    path = tmp_path / "ledger.db"
    copy_database(sqlite_template, path)
    ledger = Ledger(f"sqlite:///{path}")
    require_current_schema(ledger)
    path.rename(tmp_path / "aside.db")
    if change == "replace":
        copy_database(sqlite_template, path)
    with pytest.raises(ConfigError, match=f"{state} while in use"):
        require_current_schema(ledger)
    ledger.close()


def test_a_newer_version_is_refused(ledger):
    _set_version(ledger, "9999")
    try:
        with pytest.raises(ConfigError, match=r"newer than this program.*install the newer"):
            require_current_schema(ledger)
    finally:
        _set_version(ledger, latest_version())  # the next test uses the same database


@pytest.mark.parametrize("version", ["0001", "0002", "0003"])
@pytest.mark.parametrize("act", [require_current_schema, upgrade])
def test_a_database_from_before_0_1_0_is_neither_used_nor_upgraded(ledger, version, act):
    _set_version(ledger, version)
    try:
        with pytest.raises(ConfigError, match=f"schema {version}, made before 0.1.0: export, then create anew"):
            act(ledger)
    finally:
        _set_version(ledger, latest_version())


def _set_version(ledger, version):
    with ledger.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :version"), {"version": version})


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://localhost/nps", "not a database address"),
        ("rubbish", "not a database address"),
        ("sqlite:////nowhere/at/all/ledger.db", "does not exist"),
        ("postgresql://nobody:secret-password@127.0.0.1:1/nps", "cannot be reached"),
    ],
)
def test_the_error_of_an_unusable_database_does_not_contain_its_password(url, message):
    with pytest.raises(ConfigError, match=message) as caught:
        Ledger(url).ping()
    assert "secret-password" not in str(caught.value)


def test_times_are_loaded_aware_and_naive_ones_are_refused(ledger):
    moment = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    with ledger.write() as session:
        session.add(PauseRow(scope="mail", cause="operator", reason="x", since=moment))
    with ledger.read() as session:
        assert session.get(PauseRow, "mail").since == moment
    naive = PauseRow(scope="crm", cause="operator", reason="x", since=moment.replace(tzinfo=None))
    with ledger.write() as session:
        session.add(naive)
        with pytest.raises(StatementError, match="time without a zone"):
            session.flush()
        session.rollback()


def test_sqlite_commits_survive_a_power_cut_and_deleted_content_is_overwritten(tmp_path):
    ledger = Ledger(f"sqlite:///{tmp_path / 'x.db'}", create=True)
    with ledger.engine.connect() as connection:
        settings = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
        ]
    ledger.close()
    assert settings == ["wal", 2, 1, 1]
