"""The command line as a whole: fast start, and one-sentence errors with the right exit code."""

import json
import os
import subprocess
import sys

import pytest

import nps_connect
from nps_connect.cli import COMMANDS
from nps_connect.errors import ConfigError, NpsConnectError

HEAVY = ("pydantic", "pydantic_settings", "sqlalchemy", "sqlmodel", "alembic", "fastapi", "starlette", "uvicorn", "httpx",
         "rich", "jinja2", "apprise", "rule_engine", "pluggy", "asyncio", "nps_connect.sanitization")  # fmt: skip


SCRIPT = f"""
import sys
from nps_connect.cli import main
try:
    main(sys.argv[1:])
finally:
    print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)
"""


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["config", "--help"], ["plugins", "--help"]])
def test_help_imports_no_heavy_modules(arguments):
    completed = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments], capture_output=True, text=True, timeout=60, check=True
    )
    assert completed.stderr.strip() == "[]"
    assert completed.stdout


READING_COMMANDS = (
    "status",
    "report",
    "explain marie@example.com",
    "contacts list",
    "contacts show marie@example.com",
    "deliveries list",
    "deliveries show 1",
    "events list",
    "events show 1",
    "responses list",
    "suppressions list",
    "bounces list",
    "cases list",
    "audit list",
    "workers list",
    "surveys list",
    "triggers list",
    "routes list",
    "reviews report",
)
HEAVY_TO_READ = ("alembic", "apprise", "babel", "cryptography", "fastapi", "httpx", "jinja2", "pluggy", "procrastinate",
                 "rich.console", "rule_engine", "starlette", "tenacity", "uvicorn", "nps_connect.plugins",
                 "nps_connect.services.cases.actions", "nps_connect.services.invitations.actions")  # fmt: skip
READING_SCRIPT = f"""
import contextlib, io, json, sys
from nps_connect.cli import main
exit_codes, imported = {{}}, {{}}
for line in sys.argv[1:]:
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            main(line.split())
        except SystemExit as end:
            exit_codes[line] = end.code
    imported[line] = [name for name in {HEAVY_TO_READ!r} if name in sys.modules]
print(json.dumps([exit_codes, imported]))
"""


def test_reading_commands_import_neither_plugins_nor_what_calls_vendors_and_renders_texts(seeded_cli):
    completed = subprocess.run(
        [sys.executable, "-c", READING_SCRIPT, *READING_COMMANDS],
        cwd=seeded_cli.folder, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    exit_codes, imported = json.loads(completed.stdout)
    assert exit_codes == {line: 1 if line == "status" else 0 for line in READING_COMMANDS}, completed.stderr
    assert imported == {line: [] for line in READING_COMMANDS}


def test_help_lists_all_commands(cli):
    shown = cli("--help").out
    for name, line in COMMANDS.items():
        assert name in shown
        assert line[:40] in shown


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(cli, name):
    result = cli(name, "--help")
    assert result.code == 0
    assert "Usage:" in result.out


def test_version(cli):
    assert cli("--version").out == f"nps-connect, version {nps_connect.__version__}\n"


def test_unknown_command_suggests_the_nearest_name(cli):
    result = cli("confg")
    assert result.code == 2
    assert "No such command 'confg'. Did you mean 'config'?" in result.err


def test_unknown_option_is_a_usage_error(cli):
    assert cli("plugins", "list", "--jsonn").code == 2


@pytest.fixture
def failing(cli, monkeypatch):
    """Run `plugins list` so that it raises the given error."""

    def run(error, *global_options):
        def load():
            raise error

        monkeypatch.setattr("nps_connect.plugins.Plugins.load", load)
        return cli(*global_options, "plugins", "list")

    return run


def test_configuration_error_exits_with_2(failing):
    result = failing(ConfigError("is missing", where="nps-connect.toml", key="core.company"))
    assert (result.code, result.out, result.err) == (2, "", "Error: nps-connect.toml: core.company: is missing\n")


def test_other_known_error_exits_with_1(failing):
    result = failing(NpsConnectError("the database does not answer"))
    assert (result.code, result.out, result.err) == (1, "", "Error: the database does not answer\n")


def test_unexpected_error_is_one_redacted_line_that_mentions_debug(failing):
    result = failing(RuntimeError("no way to jane@example.com\nsecond line"))
    assert (result.code, result.out) == (1, "")
    assert result.err == (
        "Error: unexpected error: RuntimeError: no way to [address] (re-run with --debug for details)\n"
    )


def test_debug_prints_the_traceback(failing):
    result = failing(RuntimeError("boom"), "--debug")
    assert result.code == 1
    assert "Traceback (most recent call last)" in result.err


def test_closed_pipe_is_not_reported_as_unexpected(failing):
    result = failing(BrokenPipeError(32, "Broken pipe"))
    assert result.code == 1
    assert "unexpected" not in result.err


def test_no_color_disables_colour(cli):
    environ = {**os.environ, "NO_COLOR": "1", "FORCE_COLOR": "1", "NPS_CONNECT_LOAD_PLUGINS": "email"}
    completed = subprocess.run(
        [sys.executable, "-c", "from nps_connect.cli import main; main()", "plugins", "list"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env=environ,
    )
    assert "email" in completed.stdout
    assert "\x1b[3" not in completed.stdout
