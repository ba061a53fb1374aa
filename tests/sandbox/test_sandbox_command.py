from __future__ import annotations

import json
import signal
import smtplib
import subprocess
import sys
import time

import httpx
import pytest
from click.testing import CliRunner

from nps_connect.cli.sandbox import command

PROGRAM = [sys.executable, "-c", "from nps_connect.cli.sandbox import command; command()"]


@pytest.fixture
def start():
    started = []

    def start(*options):
        process = subprocess.Popen([*PROGRAM, *options], stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_tells_its_addresses_on_one_line_and_ends_well_when_told(start, number):
    process = start("--port", "0", "--smtp-port", "0", "--json")
    told = json.loads(process.stdout.readline())
    assert httpx.get(told["state"]).json()["mailbox"] == []
    with smtplib.SMTP(told["smtp"]["host"], told["smtp"]["port"], timeout=5) as line:
        assert line.noop()[0] == 250
    assert told["environment"]["SMTP_URL"] == told["smtp"]["url"]
    for name, vendor in told["vendors"].items():
        assert vendor["base_url"] == f"{told['url']}/{name}"
    began = time.monotonic()
    process.send_signal(number)
    rest, _ = process.communicate(timeout=20)
    assert (process.returncode, rest) == (0, "")
    assert time.monotonic() - began < 5


def test_people_get_a_table_and_the_environment_to_copy(start):
    process = start("--port", "0", "--smtp-port", "0")
    lines = []
    while "Ctrl+C" not in (line := process.stdout.readline()):
        lines.append(line)
    assert any("export SMTP_URL=smtp://127.0.0.1:" in line for line in lines)


def test_a_taken_port_is_answered_with_the_way_out(start):
    told = json.loads(start("--port", "0", "--smtp-port", "0", "--json").stdout.readline())
    answer = CliRunner().invoke(command, ["--port", "0", "--smtp-port", str(told["smtp"]["port"])])
    assert answer.exit_code == 1
    assert "choose others with --port and --smtp-port" in answer.output


def test_faults_that_cannot_be_read_are_a_usage_error():
    answer = CliRunner().invoke(command, ["--faults", "flood=0.1"])
    assert answer.exit_code == 2
    assert "no fault is called 'flood'" in answer.output
