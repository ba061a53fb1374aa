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

from nps_connect.cli.sandbox import sandbox as command

COMMAND = [sys.executable, "-c", "from nps_connect.cli.sandbox import sandbox; sandbox()"]


@pytest.fixture
def start():
    started = []

    def start(*options):
        process = subprocess.Popen([*COMMAND, *options], stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_prints_its_addresses_as_one_json_line_and_stops_gracefully_on_a_signal(start, number):
    process = start("--port", "0", "--smtp-port", "0", "--json")
    addresses = json.loads(process.stdout.readline())
    assert httpx.get(addresses["state"]).json()["mailbox"] == []
    with smtplib.SMTP(addresses["smtp"]["host"], addresses["smtp"]["port"], timeout=5) as smtp:
        assert smtp.noop()[0] == 250
    assert addresses["environment"]["SMTP_URL"] == addresses["smtp"]["url"]
    for name, vendor in addresses["vendors"].items():
        assert vendor["base_url"] == f"{addresses['url']}/{name}"
    started_at = time.monotonic()
    process.send_signal(number)
    remaining_output, _ = process.communicate(timeout=20)
    assert (process.returncode, remaining_output) == (0, "")
    assert time.monotonic() - started_at < 5


def test_without_json_it_prints_a_table_and_the_environment_to_copy(start):
    process = start("--port", "0", "--smtp-port", "0", "--product-port", "8242")
    lines = []
    while "Ctrl+C" not in (line := process.stdout.readline()):
        lines.append(line)
    assert any("export SMTP_URL=smtp://127.0.0.1:" in line for line in lines)
    assert "  export NPS_CONNECT_CORE__PUBLIC_URL=http://127.0.0.1:8242\n" in lines
    assert "  export NPS_CONNECT_CORE__LISTEN=127.0.0.1:8242\n" in lines
    [page] = [line for line in lines if " page " in line]
    index = httpx.get(page.split()[-2]).text
    assert "sends the vendor's webhook to http://127.0.0.1:8242" in " ".join(index.split()).replace("&#39;", "'")


def test_a_port_in_use_fails_with_the_options_to_choose_another(start):
    addresses = json.loads(start("--port", "0", "--smtp-port", "0", "--json").stdout.readline())
    result = CliRunner().invoke(command, ["--port", "0", "--smtp-port", str(addresses["smtp"]["port"])])
    assert result.exit_code == 1
    assert "choose others with --port and --smtp-port" in result.output


def test_invalid_faults_are_a_usage_error():
    result = CliRunner().invoke(command, ["--faults", "flood=0.1"])
    assert result.exit_code == 2
    assert "unknown fault 'flood'" in result.output
