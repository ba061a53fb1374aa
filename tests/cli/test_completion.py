"""`nps-connect completion`: commands, names of the configuration and ids of the ledger, without noise."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

SCRIPT = """
import atexit, sys
heavy = ("sqlalchemy", "pluggy")
atexit.register(lambda: print([name for name in heavy if name in sys.modules], file=sys.stderr))
from nps_connect.cli import main
main(prog_name="nps-connect")
"""


def complete(cli, words: str, **environ: str) -> list[str]:
    """Return what is offered for the last word; an empty word follows a trailing space."""
    variables = {"COMP_WORDS": words, "COMP_CWORD": str(len(words.split(" ")) - 1)}
    result = cli(_NPS_CONNECT_COMPLETE="bash_complete", **variables, **environ)
    assert (result.code, result.err) == (0, "")
    return [line.removeprefix("plain,") for line in result.out.splitlines() if line]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("nps-connect deliv", ["deliveries"]),
        ("nps-connect deliveries exp", ["expedite"]),
        ("nps-connect deliveries list --connection m", ["mail"]),
        ("nps-connect deliveries list --state p", ["pending"]),
        ("nps-connect deliveries list --action open", ["open_ticket"]),
        ("nps-connect connections check te", ["team"]),
        ("nps-connect surveys show ", ["after-purchase"]),
        ("nps-connect report --survey a", ["after-purchase"]),
        ("nps-connect pause s", ["survey:after-purchase"]),
        ("nps-connect deliveries show 1", ["14", "13", "12", "11", "10", "1"]),
        ("nps-connect contacts show crm:5", ["crm:5"]),
    ],
)
def test_commands_names_and_ids_are_offered(seeded_cli, words, offered):
    assert complete(seeded_cli, words) == offered


def test_the_beginning_of_a_response_id_is_enough(seeded_cli):
    offered = complete(seeded_cli, "nps-connect responses show ")
    assert len(offered) == 4
    assert seeded_cli("responses", "show", offered[0][:10]).code == 0
    assert "several responses" in seeded_cli("responses", "show", "r-").err


def test_triggers_are_offered_by_name_or_label(cli):
    (cli.folder / "nps-connect.toml").write_text(
        'triggers = [{on = "deal.won", from = "crm", survey = "s", name = "sales"}, '
        '{on = "deal.won", from = "crm", survey = "s"}, {on = "deal.won"}]\n'
    )
    assert complete(cli, "nps-connect triggers show ") == ["sales", "crm:deal.won:s"]


@pytest.mark.parametrize("words", ["nps-connect deliveries show ", "nps-connect surveys show ", "nps-connect pause x"])
def test_nothing_is_offered_without_a_readable_configuration(cli, words):
    assert complete(cli, words) == []
    (cli.folder / "nps-connect.toml").write_text("[core\n")
    assert complete(cli, words) == []


def test_nothing_is_offered_without_a_database(configured_cli):
    assert complete(configured_cli, "nps-connect deliveries show ") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_script(cli, shell):
    script = cli("completion", shell).out
    assert f"_NPS_CONNECT_COMPLETE={shell}_complete" in script


def test_bash_accepts_the_script(cli):
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is not installed")
    script = cli("completion", "bash").out
    completed = subprocess.run([bash, "-n"], input=script, text=True, capture_output=True, timeout=60, check=True)
    assert completed.stderr == ""


def test_an_unknown_shell_is_refused(cli):
    result = cli("completion", "fsh")
    assert (result.code, "did you mean 'fish'?" in result.err) == (2, True)


def test_names_are_offered_without_the_database_libraries(configured_cli):
    environ = {
        "_NPS_CONNECT_COMPLETE": "bash_complete",
        "COMP_WORDS": "nps-connect surveys show ",
        "COMP_CWORD": "3",
    }
    completed = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=configured_cli.folder,
        env=environ,
        text=True,
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert completed.stdout.split() == ["plain,after-purchase"]
    assert completed.stderr == "[]\n"
