"""Upgrades of the schema keep the data, on both databases."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import inspect, select, text

from nps_connect.errors import ConfigError
from nps_connect.ledger import all_tables, schema  # noqa: F401  # all_tables completes the metadata
from nps_connect.ledger.counters import CounterRow
from nps_connect.ledger.daily_figures import VERDICTS, DailyFigureRow
from nps_connect.ledger.pauses import PauseRow
from nps_connect.ledger.schema import create, latest_version, require_current_schema, upgrade

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
