"""`nps-connect connections list`, `check`, `plan` and `apply` with the built-in plugins; loopback network only."""

import json
import socket

import pytest


@pytest.fixture
def connections(configured_cli):
    """Run `connections` commands with a database and an unreachable mail server."""
    assert configured_cli("db", "create").code == 0
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def run(*arguments, **environ):
        return configured_cli("connections", *arguments, SMTP_URL=f"smtp://127.0.0.1:{port}", **environ)

    return run


def test_list_contains_all_connections(connections):
    rows = {row["name"]: row for row in json.loads(connections("list", "--json").out)["items"]}
    assert rows["mail"]["plugin"] == "email"
    assert rows["mail"]["paused"] == {}
    assert rows["mail"]["deliveries"] == {}
    assert "mail" in connections("list").out


def test_list_shows_pauses(connections, configured_cli):
    configured_cli("pause", "team", "--reason", "holidays")
    rows = {row["name"]: row for row in json.loads(connections("list", "--json").out)["items"]}
    assert rows["team"]["paused"] == {"connection:team": "holidays"}


def test_check_fails_for_an_unreachable_server(connections):
    result = connections("check", "mail", "--json")
    [output] = json.loads(result.out)["items"]
    assert result.code == 1
    assert (output["connection"], output["ok"], output["resumed"]) == ("mail", False, [])
    assert any(finding["severity"] == "error" and finding["fix"] for finding in output["findings"])


def test_check_prints_findings_as_text(connections):
    result = connections("check", "mail")
    assert result.code == 1
    assert result.out.startswith("mail (")
    assert "✗" in result.out
    assert "1 error" in result.out


def test_check_without_name_checks_all_connections(connections):
    assert {check["connection"] for check in json.loads(connections("check", "--json").out)["items"]} == {
        "mail",
        "team",
    }


def test_plan_and_apply_without_vendor_setup(connections):
    assert connections("plan", "mail").out == "mail is up to date.\n"
    assert json.loads(connections("plan", "mail", "--json").out) == {"connection": "mail", "changes": []}
    applied = connections("apply", "mail", "--json")
    assert (applied.code, json.loads(applied.out)) == (0, {"connection": "mail", "done": [], "remaining": []})


@pytest.mark.parametrize("command", ["check", "plan", "apply"])
def test_unknown_connection_suggests_the_nearest_name(connections, command):
    result = connections(command, "mial")
    assert result.code == 2
    assert "did you mean 'mail'?" in result.err


def test_missing_database_suggests_db_create(configured_cli):
    result = configured_cli("connections", "list")
    assert result.code == 2
    assert "db create" in result.err
