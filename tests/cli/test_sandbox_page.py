"""docs/sandbox.md works as printed."""

import json
import re
import signal
import subprocess
from pathlib import Path

import pytest
from support.command_process import read_ready_line, start_command
from support.shell import documented_commands

from nps_connect.cli.sandbox import _print_addresses
from nps_connect.plugins import Plugins
from nps_connect.sandbox.factory import build_sandbox, connection_names
from nps_connect.sandbox.product_settings import free_product_url

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "sandbox.md").read_text(encoding="utf-8")
SANDBOX_URL, PRODUCT_URL = "http://127.0.0.1:8041", "http://127.0.0.1:8040"
EXPORT = re.compile(r"^  export (\w+)=(.*)$", re.MULTILINE)


@pytest.fixture
def sandbox():
    running, _ = build_sandbox(connection_names(Plugins.load()), product_url=free_product_url())
    with running:
        yield running


@pytest.fixture
def exported(sandbox, capsys, monkeypatch):
    """The variables of the printed `export` lines, as a shell reads them."""
    monkeypatch.setenv("NO_COLOR", "1")
    _print_addresses(sandbox.addresses())
    lines = "".join(f"export {name}={value}\n" for name, value in EXPORT.findall(capsys.readouterr().out))
    printed = subprocess.run(["bash", "-c", f"{lines}env -0"], stdout=subprocess.PIPE, check=True).stdout
    variables = dict(entry.split("=", 1) for entry in printed.decode().split("\0") if entry)
    return {name: value for name, value in variables.items() if name in sandbox.environment()}


def test_the_commands_are_those_of_the_start_page():
    start = documented_commands((DOCS / "start.md").read_text(encoding="utf-8"))
    commands = [command for command in documented_commands(PAGE) if command.startswith("nps-connect")]
    assert len(commands) == 4
    assert {command.replace(" run", " run 2> run.log &") for command in commands} <= set(start)


@pytest.mark.slow
def test_a_configuration_with_the_printed_variables_accepts_the_sandboxs_webhooks(cli, sandbox, exported):
    assert exported == sandbox.environment()
    for command in ("init", "db create", "connections apply crm --yes"):
        result = cli(*command.split(), plugins=None, **exported)
        assert (result.code, result.err) == (0, ""), command
    product = start_command(
        cli.folder, "run", "--json", NPS_CONNECT_LOAD_PLUGINS=",".join(Plugins.load().infos), **exported
    )
    try:
        assert read_ready_line(product)["public_url"] == sandbox.product_url
        results = [run_with_curl(command, sandbox) for command in documented_commands(PAGE) if "curl" in command]
    finally:
        product.send_signal(signal.SIGTERM)
        _, log = product.communicate(timeout=60)
    assert product.returncode == 0, log
    assert (results[0], results[1]["webhooks"], results[2]) == (
        {"people": 1},
        [200],  # a wrong public URL or secret would be a 401
        {"opted_out": "ana@example.com"},
    )
    assert results[3]["vendors"]["hubspot"]["webhooks_sent"]
    assert (cli.folder / "nps-connect-sandbox.db").exists()
    assert not (cli.folder / "nps-connect.db").exists()
    listed = json.loads(cli("events", "list", "--json", plugins=None, **exported).out)
    assert "deal.won" in json.dumps(listed)


def run_with_curl(command, sandbox):
    """Run a documented command with the addresses of this test, and return its JSON."""
    words = command.replace(SANDBOX_URL, sandbox.url).replace(PRODUCT_URL, sandbox.product_url)
    return json.loads(subprocess.run(["bash", "-c", words], stdout=subprocess.PIPE, check=True).stdout)
