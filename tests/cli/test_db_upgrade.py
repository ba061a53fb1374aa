import json

from nps_connect.ledger.schema import latest_version


def test_an_empty_database_gets_its_tables_and_twice_is_harmless(configured):
    assert configured("db", "upgrade").out == f"The database has schema {latest_version()} now; before: empty.\n"
    assert configured("db", "upgrade").out == f"The database has schema {latest_version()} already.\n"
    assert json.loads(configured("db", "upgrade", "--json").out) == {
        "before": latest_version(),
        "after": latest_version(),
        "changed": False,
    }


def test_commands_refuse_a_database_without_tables_and_name_what_mends_it(configured):
    for arguments in (["run"], ["deliveries", "list"], ["report"], ["pause"]):
        result = configured(*arguments)
        assert (result.code, result.out) == (2, "")
        assert result.err == (
            f"Error: nps-connect.toml: core.database_url: the database is empty; this program needs {latest_version()}; "
            "run: nps-connect db upgrade\n"
        )


def test_a_database_that_cannot_be_reached(configured):
    result = configured("db", "upgrade", NPS_CONNECT_CORE__DATABASE_URL="sqlite:////nowhere/at/all.db")
    assert result.code == 2
    assert (
        "Error: nps-connect.toml: core.database_url: the database cannot be reached (unable to open database file)"
        in result.err
    )
