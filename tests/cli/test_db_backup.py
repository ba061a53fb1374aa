"""`nps-connect db backup` and `db check`."""

import json
import os

import pytest
from sqlalchemy import delete, select

from nps_connect.ledger.audit_log import AuditRow
from nps_connect.ledger.daily_figures import DailyFigureRow


@pytest.fixture
def created_cli(configured_cli):
    """Run commands on a new database, created by `db create`."""
    assert configured_cli("db", "create").code == 0
    return configured_cli


def stored_identity(cli):
    return json.loads((cli.folder / "nps-connect.db.state" / "database.json").read_text())


def test_backup_writes_a_private_file_and_raises_the_counter_above_it(created_cli):
    before = stored_identity(created_cli)["counter"]
    result = created_cli("db", "backup", "monday.db")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("Backup written to monday.db (")
    assert result.out.endswith("To use it: nps-connect db restore monday.db\n")
    assert (created_cli.folder / "monday.db").stat().st_mode & 0o077 == 0
    assert stored_identity(created_cli)["counter"] == before + 1
    size = (created_cli.folder / "monday.db").stat().st_size
    assert json.loads(created_cli("db", "backup", "tuesday.db", "--json").out) == {"file": "tuesday.db", "bytes": size}


def test_backup_never_overwrites_a_file(created_cli):
    created_cli("db", "backup", "monday.db")
    result = created_cli("db", "backup", "monday.db")
    assert (result.code, result.err) == (1, "Error: monday.db exists already; nothing was written\n")


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
@pytest.mark.parametrize(("command", "tool"), [("backup", "pg_dump --format=custom"), ("restore", "pg_restore")])
def test_on_postgresql_the_commands_to_use_are_printed_without_the_password(
    configured_cli, database_url, command, tool
):
    url = (
        database_url.replace("postgresql://", "postgresql://user:secret-word@", 1)
        if "@" not in database_url
        else database_url
    )
    result = configured_cli("db", command, "monday.dump", NPS_CONNECT_CORE__DATABASE_URL=database_url)
    assert result.code == 1
    assert tool in result.err
    assert "secret-word" not in result.err or "secret-word" not in url
    assert not (configured_cli.folder / "monday.dump").exists()


def test_a_backup_by_another_tool_is_recorded_and_nothing_is_copied(created_cli):
    def finding():
        return next(
            row
            for row in json.loads(created_cli("doctor", "--offline", "--json").out)["findings"]
            if "backup" in row["text"]
        )

    assert finding()["id"] == "backup-old"
    assert created_cli("db", "backup", "--recorded").code == 0
    assert finding()["severity"] == "ok"
    assert created_cli("db", "backup").code == 2
    assert created_cli("db", "backup", "monday.db", "--recorded").code == 2
    assert not list(created_cli.folder.glob("monday*"))


def test_check_reports_a_whole_database_and_a_lost_state_directory(created_cli):
    assert created_cli("db", "check").out == "The database is whole and the newest of this host.\n"
    expected = {"ok": True, "problems": [], "corrected_figures": 0}
    assert json.loads(created_cli("db", "check", "--json").out) == expected
    (created_cli.folder / "nps-connect.db.state" / "database.json").unlink()
    result = created_cli("db", "check")
    assert (result.code, result.out.startswith("this host has not seen this database before")) == (1, True)


def test_check_compares_the_daily_figures_with_the_responses_and_corrects_them_on_request(seeded_cli):
    assert seeded_cli("resume", "database", "--yes").code == 0  # its file was copied from elsewhere
    assert seeded_cli("db", "check", "--figures").out.endswith("The daily figures equal the responses.\n")
    with seeded_cli.application.ledger.write() as session:
        session.execute(
            delete(DailyFigureRow).where(DailyFigureRow.dimension == "language", DailyFigureRow.value == "10")
        )
    assert seeded_cli("db", "check").code == 0
    result = seeded_cli("db", "check", "--figures")
    assert result.code == 1
    assert "for score 10 of survey 'after-purchase'" in result.out
    assert "is 0; the responses give 1" in result.out
    repaired = seeded_cli("db", "check", "--figures", "--repair")
    assert (repaired.code, repaired.out.splitlines()[1]) == (
        0,
        "The daily figures equal the responses, after 1 correction.",
    )
    assert json.loads(seeded_cli("db", "check", "--figures", "--json").out)["ok"] is True
    with seeded_cli.application.ledger.read() as session:
        assert session.execute(select(AuditRow.command)).scalars().all()[-1] == "db check --repair"
    assert seeded_cli("db", "check", "--repair").code == 2


def test_check_reports_damage(created_cli):
    path = created_cli.folder / "nps-connect.db"
    content = bytearray(path.read_bytes())
    content[60 * 4096 : 90 * 4096] = os.urandom(30 * 4096)
    path.write_bytes(content)
    result = created_cli("db", "check", "--json")
    assert (result.code, json.loads(result.out)["ok"]) == (1, False)


def test_a_database_of_another_host_is_accepted_by_the_operator(created_cli):
    (created_cli.folder / "nps-connect.db.state" / "database.json").unlink()
    assert created_cli("resume", "database", "--yes").code == 0
    assert created_cli("db", "check").code == 0


def test_a_new_database_is_not_created_in_the_place_of_a_lost_one(created_cli):
    (created_cli.folder / "nps-connect.db").unlink()
    result = created_cli("db", "create", "--if-missing")
    assert result.code == 2
    assert "nps-connect.db.state belongs to a database that is missing; to restore a backup" in result.err
    assert not (created_cli.folder / "nps-connect.db").exists()
