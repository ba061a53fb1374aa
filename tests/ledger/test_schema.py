"""The schema on both databases: the migration equals the tables, upgrades keep data, other versions are refused."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import event, inspect, select, text
from sqlalchemy.exc import OperationalError, StatementError
from support.application import CONFIGURATION
from support.postgres import create_database, drop_database
from support.sqlite_files import copy_database

from nps_connect.app.actions import ACTIONS
from nps_connect.errors import ConfigError
from nps_connect.ledger import all_tables, schema  # noqa: F401  # all_tables completes the metadata
from nps_connect.ledger.columns import Base
from nps_connect.ledger.counters import CounterRow
from nps_connect.ledger.daily_figures import VERDICTS, DailyFigureRow
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.pauses import PauseRow
from nps_connect.ledger.schema import create, latest_version, require_current_schema, upgrade
from nps_connect.records.bounces import Bounce
from nps_connect.services.operations.status import load_status
from nps_connect.services.suppressions.bounce_effects import find_delivery
from nps_connect.settings.model import Settings

EXTRA_REVISIONS = Path(__file__).parent / "extra_revisions"
MORE_THAN_ONE_STEP = 1001
"""Number of invitations that the migration of public ids fills in more than one step."""

CONNECTION = '{"connection":"crm"}'
INSERT_CONTACT = """
INSERT INTO contacts (id, connection, vendor_id, opted_out, record, seen_at)
VALUES (1, 'crm', '1', false, '{}', '2026-03-02 09:00:00+00:00')
"""
INSERT_INVITATIONS = """
INSERT INTO survey_invitations (survey, touchpoint, trigger, contact_id, language, state, created_at, due_at, expires_at)
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :count)
SELECT 'after-purchase', 'purchase', 't', 1, 'fr', 'sent', contacts.seen_at, contacts.seen_at, contacts.seen_at
FROM numbers, contacts
"""


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


@pytest.fixture
def empty_ledger(database_url, request, tmp_path) -> Iterator[Ledger]:
    """A new database without tables."""
    if database_url.startswith("sqlite"):
        ledger = Ledger(f"sqlite:///{tmp_path / 'new.db'}", create=True)
        yield ledger
        ledger.close()
        return
    maintenance = request.getfixturevalue("postgres")
    url = create_database(maintenance)
    ledger = Ledger(url)
    yield ledger
    ledger.close()
    drop_database(maintenance, url)


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


def test_upgrade_is_idempotent(ledger):
    assert upgrade(ledger) == (latest_version(), latest_version())


def test_upgrade_applies_a_new_revision_and_keeps_the_data(empty_ledger, monkeypatch):
    assert create(empty_ledger)
    released = latest_version()
    moment = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    with empty_ledger.write() as session:
        session.add(PauseRow(scope="mail", cause="operator", reason="holidays", since=moment))
    monkeypatch.setattr(schema, "VERSION_FOLDERS", (*schema.VERSION_FOLDERS, EXTRA_REVISIONS))
    with pytest.raises(ConfigError, match=rf"has the old schema {released}; this program needs 2999.*db upgrade"):
        require_current_schema(empty_ledger)
    assert upgrade(empty_ledger) == (released, "2999")
    require_current_schema(empty_ledger)
    assert "nickname" in {column["name"] for column in inspect(empty_ledger.engine).get_columns("contacts")}
    with empty_ledger.read() as session:
        assert session.get(PauseRow, "mail").reason == "holidays"


def test_the_upgrade_gives_each_stored_invitation_a_public_id(empty_ledger, monkeypatch, tmp_path):
    for version in ("2001_initial.py", "2003_database_identity.py"):
        shutil.copy(schema.MIGRATIONS_DIR / "versions" / version, tmp_path)
    with monkeypatch.context() as earlier:
        earlier.setattr(schema, "VERSION_FOLDERS", (tmp_path,))
        create(empty_ledger)
    with empty_ledger.write() as session:
        session.execute(text(INSERT_CONTACT))
        session.execute(text(INSERT_INVITATIONS), {"count": MORE_THAN_ONE_STEP})
    upgrade(empty_ledger)
    with empty_ledger.read() as session:
        public_ids = session.execute(text("SELECT public_id FROM survey_invitations")).scalars().all()
    assert len(set(public_ids)) == MORE_THAN_ONE_STEP
    assert all(re.fullmatch("[0-9a-f]{32}", public_id) for public_id in public_ids)


def test_the_upgrade_keeps_the_counts_of_deleted_decisions_as_daily_figures(empty_ledger, monkeypatch, tmp_path):
    for path in (schema.MIGRATIONS_DIR / "versions").glob("2*.py"):
        if path.name < "2010":
            shutil.copy(path, tmp_path)
    with monkeypatch.context() as earlier:
        earlier.setattr(schema, "VERSION_FOLDERS", (tmp_path,))
        create(empty_ledger)
    with empty_ledger.write() as session:
        for name, count in (("decision_no_too_old", 5), ("webhook_stale", 7)):
            session.add(CounterRow(day=date(2026, 3, 2), name=name, connection="crm", count=count))
    upgrade(empty_ledger)
    with empty_ledger.read() as session:
        (figure,) = session.execute(select(DailyFigureRow)).scalars()
        assert session.execute(select(CounterRow.name)).scalars().all() == ["webhook_stale"]
    assert (figure.day.isoformat(), figure.value, figure.dimensions) == ("2026-03-02", "no too_old", CONNECTION)
    assert (figure.scale, figure.count) == (VERDICTS, 5)


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
