"""`nps-connect db create`: the only command that creates a database; all others refuse a missing one."""

import json
import stat

import pytest
from support.config_mistakes import place_of

from nps_connect.cli import main


def test_create_refuses_an_existing_database(configured_cli):
    assert configured_cli("db", "create").out == "Database created.\n"
    result = configured_cli("db", "create")
    assert (result.code, result.out) == (1, "")
    assert "the database exists already; to upgrade its schema, run: nps-connect db upgrade" in result.err


def test_only_the_owner_may_read_a_new_database(configured_cli):
    configured_cli("db", "create")
    files = [path for path in configured_cli.folder.glob("nps-connect.db*") if path.is_file()]
    assert files
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in files)


def test_a_database_in_a_missing_folder_is_a_configuration_error(configured_cli):
    url = f"sqlite:///{configured_cli.folder}/missing/nps-connect.db"
    result = configured_cli("db", "create", NPS_CONNECT_CORE__DATABASE_URL=url)
    assert result.code == 2
    assert "core.database_url: the database file cannot be opened; check its path" in result.err


def test_containers_may_create_a_database_that_exists(configured_cli):
    assert json.loads(configured_cli("db", "create", "--if-missing", "--json").out) == {"created": True}
    assert json.loads(configured_cli("db", "create", "--if-missing", "--json").out) == {"created": False}


def test_init_writes_the_configuration_only(configured_cli):
    assert list(configured_cli.folder.glob("*.db*")) == []


@pytest.mark.parametrize("arguments", [["run"], ["deliveries", "list"], ["report"], ["resume"], ["db", "upgrade"]])
def test_a_missing_file_is_never_taken_for_a_new_database(configured_cli, arguments):
    configured_cli("db", "create")
    (configured_cli.folder / "nps-connect.db").unlink()
    result = configured_cli(*arguments)
    assert (result.code, result.out) == (2, "")
    place = place_of(configured_cli.folder / "nps-connect.toml", "database_url")
    assert result.err == (
        f"Error: {place}: core.database_url: the database file {configured_cli.folder / 'nps-connect.db'} "
        "does not exist; to restore a backup, run: nps-connect db restore FILE; for a new database: "
        "nps-connect db create\n"
    )
    assert not (configured_cli.folder / "nps-connect.db").exists()


def test_an_empty_file_is_no_database(configured_cli):
    (configured_cli.folder / "nps-connect.db").touch()
    result = configured_cli("status")
    assert result.code == 1
    assert "the database is empty; to restore a backup, run: nps-connect db restore FILE" in result.err


def test_the_command_of_each_message_exists():
    for name in ("create", "upgrade"):
        assert main.get_command(None, "db").get_command(None, name) is not None
