import json

from nps_connect import __version__


def test_every_plugin_with_version_and_hooks(cli):
    told = {row["name"]: row for row in json.loads(cli("plugins", "list", "--json").out)}
    assert told["email"]["state"] == "loaded"
    assert told["email"]["version"] == __version__
    assert "nps_send_messages" in told["email"]["hooks"]


def test_a_broken_one_with_its_reason(cli):
    result = cli("plugins", "list", plugins="email,absent")
    assert result.code == 0
    assert "absent" in result.out
    assert "is not installed" in result.out


def test_none_at_all(cli):
    assert cli("plugins", "list", plugins="").out == "no plugin is installed\n"
