"""docs/plugins/write-a-connector.md, followed word by word from an empty folder."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from support.shell import LAUNCHER, documented_commands

PAGE = (Path(__file__).parents[2] / "docs" / "plugins" / "write-a-connector.md").read_text(encoding="utf-8")
FILE_BLOCK = re.compile(r"^File `([^`]+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def write_files(folder):
    """Write the files of the page, and the metadata that `pip install -e .` would leave for them."""
    for name, text in FILE_BLOCK.findall(PAGE):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    metadata = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n", encoding="utf-8"
    )
    groups = project["entry-points"].items()
    lines = [line for group, points in groups for line in (f"[{group}]", *(f"{n} = {v}" for n, v in points.items()))]
    (metadata / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")


@pytest.fixture
def run(tmp_path):
    """Run a command in a folder that holds the files of the page, with `python` and `nps-connect` on the path."""
    folder, programs = tmp_path / "deskly", tmp_path / "bin"
    folder.mkdir()
    programs.mkdir()
    launcher = programs / "nps-connect"
    launcher.write_text(LAUNCHER.format(python=sys.executable), encoding="utf-8")
    launcher.chmod(0o755)
    (programs / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n', encoding="utf-8")
    (programs / "python").chmod(0o755)
    write_files(folder)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("NPS_", "PYTEST"))}
    environment = inherited | {"PATH": f"{programs}:{os.environ['PATH']}", "PYTHONPATH": str(folder), "NO_COLOR": "1"}

    def run(command):
        return subprocess.run(
            ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )

    run.folder = folder
    return run


@pytest.mark.slow
def test_the_contract_passes_and_finds_the_mistake_that_the_page_suggests(run):
    contract, _ = documented_commands(PAGE)
    passed = run(contract)
    assert passed.returncode == 0, passed.stdout + passed.stderr
    assert "skipped" not in passed.stdout

    module = run.folder / "nps_connect_deskly" / "__init__.py"
    text = module.read_text(encoding="utf-8")
    key = "idempotency_key=draft.idempotency_key"
    assert f"`{key}`" in PAGE
    module.write_text("import uuid\n" + text.replace(key, "idempotency_key=str(uuid.uuid4())"), encoding="utf-8")
    failed = run(f"{contract} -k one_effect")
    assert failed.returncode == 1
    assert "test_repeated_delivery_has_one_effect[open_ticket]" in failed.stdout


@pytest.mark.slow
def test_the_demo_opens_a_ticket_for_each_detractor(run):
    _, demo = documented_commands(PAGE)
    ended = run(demo)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    metrics = json.loads(ended.stdout)
    assert "`tickets_opened` equals the number of detractors" in PAGE
    assert metrics["tickets_opened"] == metrics["responses"]["detractor"] > 0
