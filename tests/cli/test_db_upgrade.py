"""`nps-connect db upgrade`: create and upgrade the schema."""

import json

from nps_connect.ledger.schema import latest_version


def test_upgrade_creates_tables_and_is_idempotent(configured_cli):
    assert configured_cli("db", "upgrade").out == f"Schema upgraded: empty -> {latest_version()}.\n"
    assert configured_cli("db", "upgrade").out == f"Schema is up to date: {latest_version()}.\n"
    assert json.loads(configured_cli("db", "upgrade", "--json").out) == {
        "before": latest_version(),
        "after": latest_version(),
        "changed": False,
    }


def test_commands_refuse_an_empty_database_and_suggest_db_upgrade(configured_cli):
    for arguments in (["run"], ["deliveries", "list"], ["report"], ["pause"]):
        result = configured_cli(*arguments)
        assert (result.code, result.out) == (2, "")
        assert result.err == (
            f"Error: nps-connect.toml: core.database_url: the database is empty; this program needs {latest_version()}; "
            "run: nps-connect db upgrade\n"
        )


def test_unreachable_database(configured_cli):
    result = configured_cli("db", "upgrade", NPS_CONNECT_CORE__DATABASE_URL="sqlite:////nowhere/at/all.db")
    assert result.code == 2
    assert (
        "Error: nps-connect.toml: core.database_url: the database cannot be reached (unable to open database file)"
        in result.err
    )
