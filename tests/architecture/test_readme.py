"""The README's commands and configuration work."""

from __future__ import annotations

import re
import subprocess

import pytest
from click.testing import CliRunner

from nps_connect.cli import main

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ENVIRONMENT = {
    "NPS_SIGNING_KEY": "a-signing-key-for-tests-only",
    "HUBSPOT_TOKEN": "token-for-tests",
    "SMTP_URL": "smtp://localhost:2525",
    "ZENDESK_CLIENT_SECRET": "secret-for-tests",
    "ALERT_URL": "json://localhost/alerts",
}


@pytest.fixture
def readme(root):
    return (root / "README.md").read_text(encoding="utf-8")


def test_the_quick_start_has_exactly_two_commands_of_one_line(readme):
    section = readme.partition("## Quick start\n")[2].partition("\n## ")[0]
    blocks = [text.strip() for _, text in FENCE.findall(section)]
    assert len(blocks) == 2
    assert all("\n" not in block for block in blocks)
    assert blocks[0].endswith("nps-connect demo")
    assert blocks[1].endswith("pytest")


def test_ci_runs_the_second_command(readme, root):
    gate = (root / ".ci" / "run").read_text(encoding="utf-8")
    extract = re.search(r"^readme_test_command\(\) \{.*?^\}$", gate, re.MULTILINE | re.DOTALL)
    result = subprocess.run(
        ["bash", "-c", f"{extract[0]}\nreadme_test_command"], cwd=root, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == FENCE.findall(readme)[1][1].strip()


def test_the_configuration_passes_its_own_check(readme, tmp_path):
    [configuration] = [text for language, text in FENCE.findall(readme) if language == "toml"]
    file = tmp_path / "nps-connect.toml"
    file.write_text(configuration, encoding="utf-8")
    outcome = CliRunner(env=ENVIRONMENT).invoke(main, ["--config", str(file), "config", "check"])
    assert outcome.exit_code == 0, outcome.output
    assert len(configuration.splitlines()) <= 30


def test_every_file_that_the_readme_points_at_exists(readme, root):
    for target in re.findall(r"\]\(([^)#:]+)\)", readme):
        assert (root / target).exists(), target
