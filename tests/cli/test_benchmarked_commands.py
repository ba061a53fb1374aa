"""The benchmark of reading commands measures lists that have rows."""

import pytest
from click.testing import CliRunner

from benchmarks import idle, prove, reading_commands
from benchmarks._processes import SECRETS
from nps_connect.cli import main

EMPTY = {"workers list", "triggers list", "routes list", "surveys list", "reviews report"}
"""Lists of what the configuration or running processes have, not of stored rows."""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("benchmark")
    config = reading_commands.create_product(folder, 100)
    environ = {**SECRETS, "BENCH_DATABASE": f"sqlite:///{folder}/ledger.db"}
    return lambda command: CliRunner(env=environ).invoke(main, ["--config", str(config), *command.split()])


@pytest.mark.parametrize("command", reading_commands.COMMANDS)
def test_every_measured_command_succeeds_and_shows_rows(run, command):
    result = run(command)
    assert result.exit_code == (1 if command == "status" else 0), result.output
    if command.endswith(" list") and command not in EMPTY:
        assert len(result.output.splitlines()) > reading_commands.PEOPLE


def test_the_configuration_of_the_proof_is_valid(tmp_path):
    path = tmp_path / "nps-connect.toml"
    path.write_text(prove.CONFIGURATION)
    environ = {**SECRETS, "BENCH_DATABASE": f"sqlite:///{tmp_path}/ledger.db"}
    result = CliRunner(env=environ).invoke(main, ["--config", str(path), "config", "check"])
    assert result.exit_code == 0, result.output


def test_an_idle_product_has_34_connections(tmp_path):
    path, _ = idle.write_product(tmp_path)
    environ = {**SECRETS, "BENCH_DATABASE": f"sqlite:///{tmp_path}/ledger.db"}
    result = CliRunner(env=environ).invoke(main, ["--config", str(path), "connections", "list", "--json"])
    assert result.output.count('"plugin"') == idle.CONNECTIONS, result.output
