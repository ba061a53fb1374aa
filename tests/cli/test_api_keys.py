"""``nps-connect api-keys``: the key is shown once, and every change is recorded."""

import json
import re
import shlex
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from nps_connect.ledger.ledger import Ledger


@pytest.fixture
def keys_cli(configured_cli, sqlite_template):
    (configured_cli.folder / "nps-connect.db").write_bytes(sqlite_template.read_bytes())
    return configured_cli


def add(cli, *arguments, name="shop"):
    return cli("api-keys", "add", "--name", name, "--scope", "events:write", *arguments)


def listed(cli):
    return json.loads(cli("api-keys", "list", "--json").out)["items"]


def test_a_key_is_printed_once_and_stored_as_a_hash(keys_cli):
    result = add(keys_cli)
    assert re.fullmatch(r"npsc_[0-9a-f]{8}_[\w-]{43}\n", result.out)
    assert "cannot be shown again" in result.err
    secret = result.out.strip()[14:]
    ledger = Ledger(f"sqlite:///{keys_cli.folder / 'nps-connect.db'}", read_only=True)
    with ledger.read() as session:
        stored = str(session.execute(text("SELECT * FROM api_keys")).all())
        audited = session.execute(text("SELECT command, object FROM audit_log")).all()
    ledger.close()
    assert secret not in stored + keys_cli("api-keys", "list").out
    assert ("api-keys add", "api_key:shop, events:write") in audited
    [row] = listed(keys_cli)
    assert json.loads(keys_cli("api-keys", "show", "shop", "--json").out) == row
    assert "events:write" in keys_cli("api-keys", "show", row["prefix"]).out
    assert (row["prefix"], row["scopes"], row["last_used_at"], row["expired"]) == (
        result.out[5:13],
        ["events:write"],
        None,
        False,
    )


def test_a_key_ends_after_a_duration_on_a_day_or_never(keys_cli):
    now = datetime.now(UTC)
    for name, expires in (("a", "90d"), ("b", "2999-01-31"), ("c", "never"), ("d", None)):
        assert add(keys_cli, *(["--expires", expires] if expires else []), name=name).code == 0
    ends = {row["name"]: row["expires_at"] for row in listed(keys_cli)}
    assert timedelta(0) <= datetime.fromisoformat(ends["a"]) - now - timedelta(days=90) < timedelta(hours=1)
    assert ends["b"] == "2999-01-31T23:00:00+00:00"  # the end of the day in Paris
    assert ends["c"] is None
    assert datetime.fromisoformat(ends["d"]) - now > timedelta(days=364)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--scope", "event:write"], "did you mean 'events:write'?"),
        (["--expires", "soon"], "'soon' is neither a duration such as 90d"),
        (["--expires", "2020-01-01"], "'2020-01-01' has passed"),
        (["--name", "a/b"], "use a name of letters, digits"),
    ],
)
def test_what_is_wrong_is_named_and_no_key_is_added(keys_cli, arguments, message):
    result = add(keys_cli, *arguments)
    assert result.code != 0
    assert message in " ".join(result.err.split())
    assert listed(keys_cli) == []


def test_a_name_is_used_once_and_a_removed_key_is_gone(keys_cli):
    add(keys_cli)
    assert "there is an API key 'shop' already" in add(keys_cli).err
    missing = keys_cli("api-keys", "remove", "shp", "--yes")
    assert (missing.code, "Did you mean 'shop'?" in missing.err) == (1, True)
    assert keys_cli("api-keys", "remove", "shop", answer="n\n").code != 0
    assert len(listed(keys_cli)) == 1
    assert json.loads(keys_cli("api-keys", "remove", "shop", "--yes", "--json").out) == {"removed": "shop"}
    assert listed(keys_cli) == []


def test_the_commands_of_the_page_work(keys_cli, request):
    page = (request.config.rootpath / "docs" / "api.md").read_text(encoding="utf-8")
    commands = re.findall(r"^\$ nps-connect (.+)$", page, re.MULTILINE)
    assert [command.split()[1] for command in commands] == ["add", "list", "remove"]
    for command in commands:
        result = keys_cli(*shlex.split(command))
        assert result.code == 0, f"{command}: {result.err}"
