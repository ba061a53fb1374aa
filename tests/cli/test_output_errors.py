"""Output that cannot be written, Ctrl+C, and errors for programs: one sentence, and the right exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from nps_connect.cli._support.clean_streams import CleanStream, OutputError

COMMAND = (sys.executable, "-c", "from nps_connect.cli import main; main()")
FULL_DEVICE = Path("/dev/full")


def run(folder: Path, *arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "NPS_CONNECT_LOAD_PLUGINS": "email,alerts", "NO_COLOR": "1"}
    return subprocess.run(  # noqa: PLW1510  # the exit code is what is tested
        [*COMMAND, *arguments], cwd=folder, env=environ, text=True, timeout=60, stderr=subprocess.PIPE, **options
    )


@pytest.mark.skipif(not FULL_DEVICE.exists(), reason="the system has no device that is always full")
@pytest.mark.parametrize("arguments", [["routes", "list"], ["routes", "list", "--json"], ["--help"]])
def test_a_full_output_is_one_sentence(configured_cli, arguments):
    with FULL_DEVICE.open("w") as output:
        completed = run(configured_cli.folder, *arguments, stdout=output)
    assert completed.returncode == 1
    sentence = "cannot write the output: No space left on device"
    expected = json.dumps({"error": {"code": "failure", "message": sentence}}) if "--json" in arguments else ""
    assert completed.stderr == f"{expected or 'Error: ' + sentence}\n"


def test_a_closed_pipe_is_silent(configured_cli):
    reader, writer = os.pipe()
    os.close(reader)
    try:
        completed = run(configured_cli.folder, "routes", "list", stdout=writer)
    finally:
        os.close(writer)
    assert (completed.returncode, completed.stderr) == (1, "")


def test_a_closed_output_is_no_error(configured_cli):
    completed = run(configured_cli.folder, "routes", "list", preexec_fn=lambda: os.close(1))
    assert (completed.returncode, completed.stderr) == (0, "")


def test_what_could_not_be_written_is_discarded(tmp_path):
    class FullStream:
        def write(self, _text: str) -> int:
            raise OSError(28, "No space left on device")

        def fileno(self) -> int:
            raise OSError("no file")

    with pytest.raises(OutputError):
        CleanStream(FullStream()).write("text")
    assert CleanStream(FullStream()).write("") == 0


def test_ctrl_c_exits_with_130(configured_cli, monkeypatch):
    def interrupt(*_args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("nps_connect.plugins.Plugins.load", interrupt)
    result = configured_cli("plugins", "list")
    assert (result.code, result.err) == (130, "\nError: interrupted\n")
    as_json = configured_cli("plugins", "list", "--json")
    assert json.loads(as_json.err) == {"error": {"code": "interrupted", "message": "interrupted"}}


@pytest.fixture
def default_interrupt() -> Iterator[None]:
    """Handle SIGINT as Python does by default: a shell starts background commands with it ignored."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, previous)


@pytest.mark.usefixtures("default_interrupt")
def test_ctrl_c_at_a_question_exits_with_130(seeded_cli, monkeypatch):
    def interrupt(*_args: object, **_options: object) -> bool:  # as click does
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise click.Abort from None
        return False

    monkeypatch.setattr("click.confirm", interrupt)
    result = seeded_cli("deliveries", "retry", "--all", "--even-if-sent")
    assert (result.code, "unexpected" in result.err) == (130, False)


@pytest.mark.parametrize(
    ("arguments", "code", "exit_code"),
    [
        (["deliveries", "show", "4711"], "failure", 1),
        (["deliveries", "list", "--connection", "mial"], "usage", 2),
        (["deliveries", "list", "--state", "paused"], "usage", 2),
        (["deliveries", "list", "--nope"], "usage", 2),
        (["--config", "nope.toml", "routes", "list"], "configuration", 2),
    ],
)
def test_errors_are_objects_with_json(seeded_cli, arguments, code, exit_code):
    result = seeded_cli(*arguments, "--json")
    error = json.loads(result.err)["error"]
    assert (result.code, result.out, error["code"]) == (exit_code, "", code)
    assert error["message"]
    assert set(error) <= {"code", "message", "fix"}


def test_the_next_step_is_a_field_of_its_own(cli):
    error = json.loads(cli("--config", "nope.toml", "routes", "list", "--json").err)["error"]
    assert error["fix"] == "write one with: nps-connect init"
