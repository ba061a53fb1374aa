"""`nps-connect pause` while the database refuses: a file stops this host, and becomes a pause afterwards."""

import getpass
import json
import os
import sqlite3
import time
from contextlib import closing, contextmanager

import pytest
from support.command_process import free_port, read_ready_line
from support.spreadsheet_files import write_csv

from nps_connect.ledger.ledger import LOCK_TIMEOUT_SECONDS
from nps_connect.ledger.schema import latest_version

MARKER_TEXT = (
    "All customer mail of this host is paused by a file, because {problem}.\n"
    "The file: {marker}\n"
    "The first worker of this host that can write to the database turns it into a pause.\n"
    "To resume: nps-connect resume mail\n"
)
UNREACHABLE = "postgresql://nobody@127.0.0.1:1/none"
PATIENCE_SECONDS = 60
PENDING_MAIL = "SELECT count(*) FROM deliveries WHERE action = 'send_survey' AND state = 'pending'"


@pytest.fixture
def cli(configured_cli, sqlite_template):
    """Run commands on an empty database."""
    configured_cli.database = configured_cli.folder / "nps-connect.db"
    configured_cli.database.write_bytes(sqlite_template.read_bytes())
    configured_cli.marker = configured_cli.folder / "nps-connect.db.state" / "pause"
    return configured_cli


@contextmanager
def locked(database):
    """Lock a database against all other writers; yields the connection that holds the lock."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield connection


def change_schema(cli, version):
    with closing(sqlite3.connect(cli.database)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (version,))


def test_a_locked_database_is_not_waited_for(cli):
    with locked(cli.database):
        started = time.monotonic()
        result = cli("pause")
        assert time.monotonic() - started < LOCK_TIMEOUT_SECONDS / 2  # a worker would wait that long twice
    problem = "the database is locked by another process"
    assert (result.code, result.out) == (0, MARKER_TEXT.format(problem=problem, marker=cli.marker))
    assert cli.marker.read_bytes() == b""


@pytest.mark.parametrize(
    ("refuse", "problem"),
    [
        (lambda cli: cli.database.unlink(), "the database file {database} does not exist"),
        (lambda cli: cli.database.write_bytes(b"no database " * 999), "the database is damaged"),
        (
            lambda cli: change_schema(cli, "9001"),
            "the database has schema 9001, which is newer than this program supports ({latest})",
        ),
    ],
    ids=["gone", "damaged", "newer"],
)
def test_a_database_that_refuses_leaves_the_marker(cli, refuse, problem):
    refuse(cli)
    result = cli("pause", "--json")
    problem = problem.format(database=cli.database, latest=latest_version())
    assert json.loads(result.out) == {
        "scope": "mail", "paused": True, "changed": True, "waiting": None, "marker": str(cli.marker), "problem": problem,
    }  # fmt: skip
    assert json.loads(cli("pause", "--json").out)["changed"] is False


def test_on_postgresql_the_other_hosts_are_named(cli):
    environ = {"NPS_CONNECT_CORE__DATABASE_URL": UNREACHABLE, "NPS_CONNECT_CORE__STATE_DIR": "state"}
    result = cli("pause", **environ)
    assert result.code == 0
    assert "because the database cannot be reached (connection failed: " in result.out
    assert "\nWorkers on other hosts continue: run this command there, too.\n" in result.out
    assert (cli.folder / "state" / "pause").exists()


def test_without_a_state_directory_the_command_says_how_to_stop_the_host(cli):
    result = cli("pause", NPS_CONNECT_CORE__DATABASE_URL=UNREACHABLE)
    assert result.code == 2
    assert result.err.endswith(
        "core.state_dir is not set, so that no file can pause this host: stop its workers (SIGTERM)\n"
    )


def test_a_database_that_accepts_the_pause_leaves_no_marker(cli):
    assert "is now paused" in cli("pause").out
    assert not cli.marker.exists()


def test_a_pause_in_the_database_replaces_the_marker(cli):
    with locked(cli.database):
        cli("pause")
    assert "is now paused" in cli("pause", "--reason", "wrong logo").out
    assert not cli.marker.exists()
    assert cli("resume", "--yes").out.endswith("Reason for the pause: wrong logo.\n")


def test_status_shows_the_marker(cli):
    with locked(cli.database):
        cli("pause")
    text = f"customer mail of this host is paused by the file {cli.marker}, set by {getpass.getuser()}"
    shown = " ".join(cli("status").out.split())  # lines are wrapped, depending on the length of the path
    assert f"! {text} [paused] Fix: nps-connect resume mail" in shown


def test_only_all_customer_mail_can_be_paused_without_the_database(cli):
    cli.database.unlink()
    result = cli("pause", "team")
    assert result.code == 2
    assert result.err.endswith(
        "without the database only all customer mail of a host can be paused: nps-connect pause\n"
    )
    assert not cli.marker.exists()


@pytest.mark.parametrize(
    ("mistake", "problem"),
    [("foo = [", "not valid TOML: "), ("[surveys.x]\nreminders = 5", "surveys.x.")],
    ids=["syntax", "values"],
)
def test_an_invalid_configuration_does_not_prevent_the_pause(cli, mistake, problem):
    cli.marker.parent.mkdir(exist_ok=True)  # a process has worked here
    config = cli.folder / "nps-connect.toml"
    config.write_text(f"{config.read_text()}\n{mistake}\n")
    result = cli("pause")
    assert (result.code, result.err) == (0, "")
    assert "paused by a file, because the configuration is invalid (" in result.out
    assert problem in result.out
    assert f"The file: {cli.marker}\n" in result.out
    assert cli.marker.exists()


@pytest.mark.parametrize(
    "replacement", ['core.database_url = "sqlite:///other.db"\n[core]', "[core]\ndatabase_url = 'sqlite:///nps"]
)
def test_an_invalid_configuration_that_may_name_another_database_is_not_guessed(cli, replacement):
    cli.marker.parent.mkdir(exist_ok=True)
    config = cli.folder / "nps-connect.toml"
    config.write_text(config.read_text().replace("[core]", replacement, 1) + "\nfoo = [\n")
    result = cli("pause")
    assert result.code == 2
    assert result.err.startswith("Error: nothing was paused: the configuration is invalid (")
    assert result.err.endswith("or stop the processes of this host (SIGTERM)\n")
    assert not cli.marker.exists()


def test_resume_ends_a_pause_that_is_only_a_marker(cli):
    with locked(cli.database):
        cli("pause")
    reason = "paused by the operator while the database could not be written"
    assert cli("resume", "--yes").out.endswith(f"All customer mail resumed. Reason for the pause: {reason}.\n")
    assert not cli.marker.exists()
    assert cli("resume", "--yes").out == "All customer mail was not paused.\n"


def test_resume_keeps_the_marker_while_the_database_refuses(cli):
    database = cli.database.read_bytes()
    cli.database.unlink()
    cli("pause")
    assert cli("resume", "--yes").code == 2
    assert cli.marker.exists()
    cli.database.write_bytes(database)
    assert cli("resume", "--yes").code == 0
    assert not cli.marker.exists()


def query(database, statement):
    with closing(sqlite3.connect(database, timeout=PATIENCE_SECONDS)) as connection:
        return connection.execute(statement).fetchall()


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.slow
def test_a_running_process_obeys_the_marker_at_once_and_turns_it_into_a_pause(cli, start, mailbox):
    environ = {
        "SMTP_URL": mailbox.smtp_url,
        "NPS_CONNECT_CORE__MODE": "live",
        "NPS_CONNECT_CORE__PUBLIC_URL": "http://127.0.0.1:8040",  # of this machine: example values are allowed
        "NPS_CONNECT_CORE__LISTEN": f"127.0.0.1:{free_port()}",
        "NPS_CONNECT_LIMITS__QUIET_HOURS": "off",
        "NPS_CONNECT_LIMITS__QUIET_DAYS": "",
    }
    people = write_csv(cli.folder, "people.csv", ("email",), ("ines@example.com",), ("hugo@example.com",))
    cli("pause")
    assert cli("surveys", "invite", people, "--survey", "after-purchase", "--yes", **environ).code == 0
    process = start("run", "--json", **environ)
    read_ready_line(process)
    wait_until(lambda: query(cli.database, PENDING_MAIL) == [(2,)])
    with locked(cli.database) as holder:
        assert cli("pause", **environ).out.startswith("All customer mail of this host is paused by a file")
        holder.execute("DELETE FROM pauses")  # from here on only the marker stops the process
        holder.execute("COMMIT")
        wait_until(lambda: query(cli.database, "SELECT scope FROM pauses") == [("mail",)])
    wait_until(lambda: not cli.marker.exists())
    assert mailbox.mails() == []
    assert cli("resume", "--yes", **environ).code == 0
    wait_until(lambda: len(mailbox.mails()) == 2)
    os.kill(process.pid, 15)
    assert process.wait(timeout=PATIENCE_SECONDS) == 0
