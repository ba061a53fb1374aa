"""`nps-connect db upgrade`: upgrade the schema of an existing database."""

import json

from nps_connect.ledger.schema import latest_version


def test_upgrade_is_idempotent(configured_cli):
    configured_cli("db", "create")
    assert configured_cli("db", "upgrade").out == f"Schema is up to date: {latest_version()}.\n"
    assert json.loads(configured_cli("db", "upgrade", "--json").out) == {
        "before": latest_version(),
        "after": latest_version(),
        "changed": False,
    }


def test_upgrade_never_creates_a_database(configured_cli):
    result = configured_cli("db", "upgrade")
    assert result.code == 2
    assert "nps-connect.db does not exist" in result.err
    assert not (configured_cli.folder / "nps-connect.db").exists()


def test_unreachable_database(configured_cli):
    result = configured_cli("db", "create", NPS_CONNECT_CORE__DATABASE_URL="sqlite:////nowhere/at/all.db")
    assert result.code == 2
    assert (
        "Error: nps-connect.toml: core.database_url: the database cannot be reached (unable to open database file)"
        in result.err
    )
