"""`nps-connect doctor prove` as an operator runs it: on the initial configuration, and after an edit."""

from __future__ import annotations

import json

import pytest

PLUGINS = "alerts,email,hubspot,zendesk"


@pytest.fixture
def prove(cli):
    """Run `doctor prove` on the initial configuration, after replacing texts in it."""
    assert cli("init", plugins=PLUGINS).code == 0
    path = cli.folder / "nps-connect.toml"

    def run(*arguments, **replacements):
        text = path.read_text(encoding="utf-8")
        for old, new in replacements.get("edits", ()):
            assert old in text
            text = text.replace(old, new)
        path.write_text(text, encoding="utf-8")
        return cli("doctor", "prove", *arguments, plugins=PLUGINS)

    return run


def test_the_initial_configuration_is_proved_without_a_database(prove, cli):
    result = prove()
    assert (result.code, result.err) == (0, "")
    assert "no finding" in result.out
    assert "5 expectations" in result.out
    assert "not proved: account of crm: there is no snapshot of it" in result.out
    assert not (cli.folder / "nps-connect.db").exists()


def test_a_mistake_is_named_with_its_fix_and_exit_code_1(prove):
    result = prove("--json", edits=[('where = "amount >= 100"', 'where = "amount >= 100 and amount < 50"')])
    output = json.loads(result.out)
    assert result.code == 1
    by_id = {finding["id"]: finding for finding in output["findings"]}
    assert set(by_id) == {"trigger-never-fires", "expectation-failed"}  # `init` has drafted expectations
    assert "amount < 50" in by_id["trigger-never-fires"]["text"]
    assert all(finding["severity"] == "error" and finding["fix"] for finding in by_id.values())


def test_an_invalid_configuration_is_refused_with_exit_code_2(prove):
    result = prove(edits=[('survey = "after-purchase"', 'survey = "after-purchas"')])
    assert result.code == 2
    assert "did you mean" in result.err or "after-purchase" in result.err


def test_a_damaged_snapshot_is_refused_with_the_command_that_helps(prove, cli):
    (cli.folder / "nps-connect.snapshot.json").write_text("{}")
    result = prove()
    assert result.code == 2
    assert "nps-connect connections snapshot" in result.err
