"""`nps-connect config diff`: effects as sentences or JSON; exit code 0 same, 1 different, 2 invalid."""

import json

import pytest


@pytest.fixture
def versions(configured_cli):
    """The folder with the current configuration and, elsewhere and without secrets, an older version of it."""
    (configured_cli.folder / "old").mkdir()
    old = configured_cli.folder / "old" / "before.toml"
    old.write_text((configured_cli.folder / "nps-connect.toml").read_text())
    return configured_cli


def change(cli, old, new):
    path = cli.folder / "nps-connect.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_the_same_behaviour_is_exit_code_0(versions):
    change(versions, "[core]", "# a comment\n[core]")
    change(versions, 'cooldown = "90d"', 'cooldown = "2160h"')
    result = versions("config", "diff", "old/before.toml")
    assert (result.code, result.out) == (0, "no difference in effect\n")
    assert json.loads(versions("config", "diff", "old/before.toml", "--json").out)["effects"] == []


def test_a_difference_is_exit_code_1(versions):
    change(versions, 'cooldown = "90d"', 'cooldown = "60d"')
    change(versions, 'do = "send_alert"', 'do = "send_alert"\nscores = [0]')
    sentences = [
        "a contact gets at most one survey in 60d instead of 90d",
        "customers with score 1, 2, 3, 4, 5 and 6 no longer alert staff via team",
    ]
    result = versions("config", "diff", "old/before.toml")
    assert (result.code, result.out.splitlines()) == (1, sentences)
    reverse = versions("config", "diff", "nps-connect.toml", "old/before.toml")
    assert reverse.out.splitlines()[1] == "customers with score 1, 2, 3, 4, 5 and 6 now alert staff via team after 20s"
    output = json.loads(versions("config", "diff", "old/before.toml", "--json").out)
    assert [effect["text"] for effect in output["effects"]] == sentences
    assert {effect["area"] for effect in output["effects"]} == {"setting", "route"}


def test_a_mistake_names_its_file_and_line(versions):
    change(versions, 'cooldown = "90d"', 'cooldown = "90x"')
    result = versions("config", "diff", "old/before.toml")
    assert result.code == 2
    assert result.err.startswith("Error: nps-connect.toml, line ")
    missing = versions("config", "diff", "nowhere.toml")
    assert missing.code == 2
