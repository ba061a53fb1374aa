"""``nps-connect users``: the link is shown once, and every change is recorded."""

import json
import re
import shlex
from pathlib import Path

import pytest
from sqlalchemy import text

from nps_connect.ledger.ledger import Ledger

PAGE = (Path(__file__).parents[2] / "docs" / "console.md").read_text(encoding="utf-8")


@pytest.fixture
def users_cli(configured_cli, sqlite_template):
    (configured_cli.folder / "nps-connect.db").write_bytes(sqlite_template.read_bytes())
    return configured_cli


def add(cli, email="Claire@example.com", *arguments):
    return cli("users", "add", email, "--name", "Claire Dubois", *arguments)


def stored(cli, query):
    ledger = Ledger(f"sqlite:///{cli.folder / 'nps-connect.db'}", read_only=True)
    with ledger.read() as session:
        rows = session.execute(text(query)).all()
    ledger.close()
    return rows


def test_the_link_of_a_new_user_is_printed_once_and_stored_as_a_hash(users_cli):
    result = add(users_cli)
    [link] = re.findall(r"^https://\S+/console/password/([\w-]{43})$", result.out, re.MULTILINE)
    assert "For claire@example.com; works once, until" in result.err
    assert link not in str(stored(users_cli, "SELECT * FROM user_links"))
    [row] = json.loads(users_cli("users", "list", "--json").out)["items"]
    assert (row["email"], row["role"], row["state"]) == ("claire@example.com", "admin", "invited")
    assert json.loads(users_cli("users", "show", "CLAIRE@example.com", "--json").out) == row
    assert [row.command for row in stored(users_cli, "SELECT command FROM audit_log")] == ["users add"]


def test_a_reset_prints_another_link_and_ends_the_first(users_cli):
    first = add(users_cli).out
    second = users_cli("users", "reset", "claire@example.com", "--yes", "--json")
    assert json.loads(second.out)["link"] not in first
    assert len(stored(users_cli, "SELECT * FROM user_links")) == 1


def test_a_removed_user_is_gone_with_the_links(users_cli):
    add(users_cli)
    assert "Removed the user claire@example.com." in users_cli("users", "remove", "claire@example.com", "--yes").out
    assert "there is no console" in users_cli("users", "list").out
    assert stored(users_cli, "SELECT * FROM user_links") == []


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["claire"], "is not an e-mail address such as"),
        (["claire@example.com", "--role", "team_viewer"], "needs a team"),
        (["claire@example.com", "--role", "admni"], "admin"),
        (["claire@example.com", "--role", "team_viewer", "--team", "nowhere"], "there is no team 'nowhere'"),
    ],
)
def test_a_wrong_user_is_refused_with_what_to_correct(users_cli, arguments, problem):
    result = add(users_cli, *arguments)
    assert result.code != 0
    assert problem in result.err


def test_the_nearest_user_is_named(users_cli):
    add(users_cli)
    assert "Did you mean 'claire@example.com'?" in users_cli("users", "reset", "clarie@example.com", "--yes").err
    assert "there is a user claire@example.com already" in add(users_cli).err


def test_without_the_extra_the_command_says_what_to_install(users_cli, monkeypatch):
    from nps_connect.services.users import passwords

    passwords._argon2.cache_clear()
    monkeypatch.setitem(__import__("sys").modules, "pwdlib.hashers.argon2", None)
    result = add(users_cli)
    passwords._argon2.cache_clear()
    assert result.code == 2
    assert "pip install 'nps-connect[console]'" in result.err
    assert stored(users_cli, "SELECT * FROM users") == []


def test_the_commands_of_the_page_work(users_cli):
    commands = re.findall(r"^nps-connect (users .+)$", PAGE, re.MULTILINE)
    assert len(commands) == 4
    for line in commands:
        asks = line.split()[1] in ("reset", "remove")
        assert users_cli(*shlex.split(line), *(["--yes"] if asks else [])).code == 0, line
