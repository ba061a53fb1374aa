"""`nps-connect connections`: list, check, plan and apply, with the built-in plugins; no network beyond this machine."""

import json
import socket

import pytest


@pytest.fixture
def ready(configured):
    """A configuration with a database, and no mail server where it looks for one."""
    assert configured("db", "upgrade").code == 0
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def run(*arguments, **more):
        return configured("connections", *arguments, SMTP_URL=f"smtp://127.0.0.1:{port}", **more)

    return run


def test_list_tells_every_connection(ready):
    rows = {row["name"]: row for row in json.loads(ready("list", "--json").out)}
    assert rows["mail"]["plugin"] == "email"
    assert rows["mail"]["stopped"] == {}
    assert rows["mail"]["deliveries"] == {}
    assert "mail" in ready("list").out


def test_list_tells_what_is_stopped(ready, configured):
    configured("pause", "team", "--reason", "holidays")
    rows = {row["name"]: row for row in json.loads(ready("list", "--json").out)}
    assert rows["team"]["stopped"] == {"connection:team": "holidays"}


def test_a_connection_that_does_not_work_fails_the_check(ready):
    result = ready("check", "mail", "--json")
    [told] = json.loads(result.out)
    assert result.code == 1
    assert (told["connection"], told["ok"], told["resumed"]) == ("mail", False, [])
    assert any(finding["severity"] == "error" and finding["fix"] for finding in told["findings"])


def test_the_check_for_people(ready):
    result = ready("check", "mail")
    assert result.code == 1
    assert result.out.startswith("mail (")
    assert "✗" in result.out
    assert "1 error" in result.out


def test_all_are_checked_when_none_is_named(ready):
    assert {told["connection"] for told in json.loads(ready("check", "--json").out)} == {"mail", "team"}


def test_one_that_needs_nothing_at_its_vendor(ready):
    assert ready("plan", "mail").out == "mail has all that it needs.\n"
    assert json.loads(ready("plan", "mail", "--json").out) == {"connection": "mail", "changes": []}
    applied = ready("apply", "mail", "--json")
    assert (applied.code, json.loads(applied.out)) == (0, {"connection": "mail", "done": [], "remaining": []})


@pytest.mark.parametrize("command", ["check", "plan", "apply"])
def test_an_unknown_name_is_answered_with_the_nearest(ready, command):
    result = ready(command, "mial")
    assert result.code == 2
    assert "did you mean 'mail'?" in result.err


def test_without_a_database_the_command_says_what_to_run(configured):
    result = configured("connections", "list")
    assert result.code == 2
    assert "db upgrade" in result.err
