"""`nps-connect workers list`: which processes run, and whether they run the current configuration."""

import json

import pytest

from nps_connect.connection import system_clock
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.workers import WorkerRow, record_heartbeat
from nps_connect.settings.effective import fingerprint
from nps_connect.settings.load_settings import load_settings


@pytest.fixture
def workers_cli(configured_cli):
    """Two processes: one runs the file of the folder, the other something else; a third is of an older version."""
    configured_cli("db", "create")
    settings = load_settings(configured_cli.folder / "nps-connect.toml", {})
    ledger, now = Ledger(settings.core.database_url.get_secret_value()), system_clock()
    common = {"queues": [], "started_at": now, "now": now}
    with ledger.write() as session:
        record_heartbeat(session, "a", role="run", config_fingerprint=fingerprint(settings), **common)
        record_heartbeat(session, "b", role="worker", config_fingerprint="0" * 12, **common)
        record_heartbeat(session, "c", role="serve", config_fingerprint="0" * 12, **common)
        session.get_one(WorkerRow, "c").config_fingerprint = None
    ledger.close()
    return configured_cli


def test_a_process_with_another_configuration_is_told_apart(workers_cli):
    rows = json.loads(workers_cli("workers", "list", "--json").out)["items"]
    assert {row["role"]: row["config_current"] for row in rows} == {"run": True, "worker": False, "serve": None}
    lines = [line.split() for line in workers_cli("workers", "list").out.splitlines()]
    for role, config in (("run", "current"), ("worker", "other"), ("serve", "unknown")):
        assert any({role, config} <= set(words) for words in lines), role


def test_an_edited_file_is_not_yet_run_by_anybody(workers_cli):
    rows = json.loads(workers_cli("workers", "list", "--json", NPS_CONNECT_CORE__COMPANY="Example Ltd").out)["items"]
    assert [row["config_current"] for row in rows if row["role"] == "run"] == [False]
