"""Commands that only read need no secret, no write access and no network."""

import contextlib
import sqlite3

import pytest
from support.read_only_folder import read_only

READING_COMMANDS = (
    ("status",), ("report",), ("explain", "--event", "1"), ("contacts", "show", "marie@example.com"), ("contacts", "list"),
    ("events", "list"), ("events", "show", "1"), ("deliveries", "list"), ("deliveries", "show", "1"),
    ("responses", "list"), ("responses", "export"), ("connections", "list"),
    ("connections", "show", "mail"), ("suppressions", "list"), ("bounces", "list"), ("cases", "list"), ("workers", "list"),
    ("reviews", "report"), ("routes", "list"), ("triggers", "list"), ("surveys", "list"), ("audit", "list"),
)  # fmt: skip
IDS = [" ".join(command) for command in READING_COMMANDS]


def is_answered(command, result):
    """Whether a command did its work: status has exit code 1 where something needs attention."""
    return result.code == 0 or (command == ("status",) and result.code == 1 and not result.err)


@pytest.mark.parametrize("command", READING_COMMANDS, ids=IDS)
def test_no_secret_is_needed(seeded_cli, command):
    (seeded_cli.folder / "nps-connect.env").unlink()
    assert seeded_cli("config", "check").code == 2
    result = seeded_cli(*command)
    assert is_answered(command, result), result.err


@pytest.mark.parametrize("command", [("pause",), ("resume", "--yes")], ids=" ".join)
def test_a_pause_needs_no_secret(seeded_cli, command):
    (seeded_cli.folder / "nps-connect.env").unlink()
    assert seeded_cli(*command).code == 0


def test_the_address_of_the_database_and_texts_that_are_no_secrets_are_needed(seeded_cli):
    path = seeded_cli.folder / "nps-connect.toml"
    text = path.read_text()
    for key, reference in (("database_url", "DATABASE_URL"), ("company", "COMPANY")):
        lines = [
            f'{key} = {{ env = "{reference}" }}' if line.startswith(f"{key} =") else line for line in text.splitlines()
        ]
        path.write_text("\n".join(lines))
        result = seeded_cli("report")
        assert result.code == 2
        assert f"core.{key}: environment variable {reference} is not set" in result.err


def test_no_write_access_to_the_database_and_its_folder_is_needed(seeded_cli):
    database = seeded_cli.folder / "nps-connect.db"
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with read_only(seeded_cli.folder, [database]) as folder:
        environ = {"NPS_CONNECT_CORE__DATABASE_URL": f"sqlite:///{folder}/nps-connect.db"}
        for command in READING_COMMANDS:
            result = seeded_cli(*command, **environ)
            assert is_answered(command, result), (command, result.err)
        result = seeded_cli("deliveries", "cancel", "9", "--yes", **environ)
        assert result.code == 2
        assert (
            "the database is read-only for this user; run the command as the user of nps-connect, or make" in result.err
            or "the database file cannot be opened; check its path, and that this user may read and write" in result.err
        )


def test_a_reading_command_cannot_write(seeded_cli):
    from nps_connect.ledger.ledger import Ledger

    ledger = Ledger(f"sqlite:///{seeded_cli.folder}/nps-connect.db", read_only=True)
    with pytest.raises(Exception, match="readonly"), ledger.write() as session:
        session.connection().exec_driver_sql("DELETE FROM pauses")
    ledger.close()
