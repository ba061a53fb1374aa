"""`nps-connect plugins list`: installed and broken plugins."""

import json

from nps_connect import __version__


def test_json_contains_version_and_hooks(cli):
    plugins = {row["name"]: row for row in json.loads(cli("plugins", "list", "--json").out)["items"]}
    assert plugins["email"]["state"] == "loaded"
    assert plugins["email"]["version"] == __version__
    assert "nps_send_messages" in plugins["email"]["hooks"]


def test_broken_plugin_is_listed_with_its_problem(cli):
    result = cli("plugins", "list", plugins="email,absent")
    assert result.code == 0
    assert "absent" in result.out
    assert "is not installed" in result.out


def test_no_plugins(cli):
    assert cli("plugins", "list", plugins="").out == "no plugins installed\n"
