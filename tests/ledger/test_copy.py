"""`copy_ledger`: the copy equals the source row by row, and can be worked on."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select
from support.application import ApplicationHarness
from support.clock import ManualClock

from nps_connect.errors import NpsConnectError
from nps_connect.ledger.copy_ledger import copy_ledger, tables_to_copy
from nps_connect.ledger.identity import lock_identity, raise_counter
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.tables import DeliveryRow


@pytest.fixture
def source_ledger(tmp_path, sqlite_template):
    path = tmp_path / "full.db"
    path.write_bytes(sqlite_template.read_bytes())
    ledger = Ledger(f"sqlite:///{path}")
    application = ApplicationHarness(ledger, ManualClock())
    application.answer(application.surveyed(), 2, "Non")
    application.run()
    application.answer(application.token("marie@example.com"), 4, "Peut-être")
    application.run()
    yield ledger
    ledger.close()


def test_the_copy_is_the_same_database(source_ledger, ledger):
    """So that going back to the source is noticed as a restore."""
    with source_ledger.write() as session:
        identity = raise_counter(session)
    list(copy_ledger(source_ledger, ledger, lambda _table, _rows: None))
    with ledger.read() as session:
        row = lock_identity(session)
        assert (row.database_id, row.counter) == identity


def test_every_row_is_copied_and_the_copy_accepts_new_work(source_ledger, ledger):
    copied = list(copy_ledger(source_ledger, ledger, lambda _table, _rows: None))
    before = next(table_copy.rows for table_copy in copied if table_copy.table == "deliveries")
    assert {table_copy.table for table_copy in copied} == {table.name for table in tables_to_copy()}
    assert all(table_copy.equal for table_copy in copied)
    with source_ledger.read() as old, ledger.read() as new:
        for table in tables_to_copy():
            order = list(table.primary_key.columns)
            assert (
                old.execute(select(table).order_by(*order)).all() == new.execute(select(table).order_by(*order)).all()
            )
    application = ApplicationHarness(ledger, ManualClock())
    application.ctx.random.seed(8)
    application.clock.forward("120d")
    application.answer(application.surveyed("2", "paul@example.com"), 9)
    application.run()
    with ledger.read() as session:
        assert session.execute(select(func.count()).select_from(DeliveryRow)).scalar_one() > before


def test_a_target_with_rows_is_refused(source_ledger, ledger):
    list(copy_ledger(source_ledger, ledger, lambda _table, _rows: None))
    with pytest.raises(NpsConnectError, match="not empty"):
        list(copy_ledger(source_ledger, ledger, lambda _table, _rows: None))
