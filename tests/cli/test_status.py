"""`nps-connect status`: every connection, what needs attention with its command, and an answer without a database."""

from __future__ import annotations

import json
import logging
import sqlite3
import time
from pathlib import Path

import pytest

from nps_connect.cli._support.logging_setup import configure_logging
from nps_connect.cli.status import WATCH_INTERVAL_SECONDS, show_repeatedly
from nps_connect.connection import system_clock
from nps_connect.ledger.last_error import MAX_LENGTH
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.state_dir import StateDir
from nps_connect.ledger.workers import record_heartbeat
from nps_connect.redaction import Redactor


@pytest.fixture
def database(configured_cli):
    """The path of a new database."""
    configured_cli("db", "create")
    return configured_cli.folder / "nps-connect.db"


def test_nothing_needs_attention_while_a_worker_runs(configured_cli, database):
    ledger, now = Ledger(f"sqlite:///{database}"), system_clock()
    with ledger.write() as session:
        record_heartbeat(session, "w1", role="run", started_at=now, queues=[], now=now, config_fingerprint="abc")
    ledger.close()
    result = configured_cli("status")
    assert result.code == 0
    assert "from the database only; 1 worker, newest heartbeat just now" in result.out
    assert result.out.endswith("nothing needs attention\n")


def test_it_names_what_needs_attention_with_its_command_in_80_columns(seeded_cli):
    result = seeded_cli("status", COLUMNS="80")
    assert result.code == 1
    assert (
        "✗ no worker is running; none was seen within the last day [worker-missing]\n    Fix: nps-connect run"
        in result.out
    )
    assert "mail: deliveries that may have taken effect already: 1 [deliveries-in-doubt]" in result.out
    table = result.out.split("\n\n")[1]
    assert table.splitlines()[0].split("  ")[0] == "connection"
    assert max(map(len, table.splitlines())) <= 80


def test_json_has_the_findings_by_id_and_each_connection(seeded_cli):
    report = json.loads(seeded_cli("status", "--json").out)
    assert "worker-missing" in [finding["id"] for finding in report["findings"]]
    assert report["connections"]["mail"]["held"] == {"in_doubt": 1}
    assert report["connections"]["mail"]["last_success_at"] is not None
    assert report["responses_today"]["responses"] == 0


def test_a_missing_database_leaves_what_the_host_knows(configured_cli, database):
    database.unlink()
    result = configured_cli("status")
    assert result.code == 1
    assert result.err == (
        f"Error: the database file {database} does not exist; to restore a backup, run: nps-connect db restore FILE; "
        "for a new database: nps-connect db create\n"
    )
    assert "from this host only; the database could not be read" in result.out
    assert "GB free" in result.out
    host = json.loads(configured_cli("status", "--json").out)["host"]
    assert (host["pause_marker"], host["lock_holder"]) == (None, None)


def test_a_missing_database_leaves_the_last_error_of_the_log(configured_cli, database, monkeypatch):
    """Of this host's processes: the newest, short, without secrets and addresses."""

    def fail():
        raise ValueError("no space for marie@example.com\n" + "x " * 4_500)

    root, own = logging.getLogger(), logging.getLogger("nps_connect")
    monkeypatch.setattr(root, "handlers", [])
    for logger in (root, own):
        monkeypatch.setattr(logger, "level", logger.level)
    configure_logging(Redactor(["s3cret-value"]), debug=False, state_dir=StateDir(Path(f"{database}.state")))
    try:
        fail()
    except ValueError:
        logging.getLogger("nps_connect.test").exception("request_failed token=s3cret-value")
    database.unlink()
    shown = " ".join(configured_cli("status").out.split())
    assert "last logged error" in shown
    assert "request_failed token=" in shown
    assert "(ValueError: no space for" in shown
    error = json.loads(configured_cli("status", "--json").out)["host"]["last_error"]
    assert len(error["text"]) == MAX_LENGTH
    assert not any(hidden in error["text"] for hidden in ("s3cret-value", "marie@example.com"))


def test_a_locked_database_is_not_waited_for(configured_cli, database):
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("PRAGMA locking_mode=EXCLUSIVE")
    connection.execute("BEGIN EXCLUSIVE")
    began = time.process_time()
    result = configured_cli("status")
    connection.close()
    assert result.code == 1
    assert "from this host only" in result.out
    assert time.process_time() - began < 3


def test_watch_shows_it_again_after_each_interval():
    shown, waits = [], []

    def sleep(seconds):
        waits.append(seconds)
        if len(waits) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        show_repeatedly(lambda: shown.append(True), sleep)
    assert (len(shown), waits) == (3, [WATCH_INTERVAL_SECONDS] * 3)


def test_watch_ends_on_an_interrupt(configured_cli, database, monkeypatch):
    def sleep(_seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr("nps_connect.cli.status.time.sleep", sleep)
    result = configured_cli("status", "--watch")
    assert result.code == 130
    assert "Traceback" not in result.err


def test_the_documented_commands_run(seeded_cli, monkeypatch):
    def sleep(_seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr("nps_connect.cli.tail.time.sleep", sleep)
    for arguments in ((), ("--since", "1h", "--kind", "delivery"), ("--connection", "mail", "--json")):
        assert seeded_cli("tail", *arguments).code == 130
