"""The commands and the configuration of docs/figures.md."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

from nps_connect.rules.dimensions import build_dimension_rules
from nps_connect.settings.model import Core, Team

PAGE = (Path(__file__).parents[2] / "docs" / "figures.md").read_text(encoding="utf-8")


def test_the_commands_of_the_page(seeded_cli, tmp_path, monkeypatch):
    assert seeded_cli("resume", "database", "--yes").code == 0  # its file was copied from elsewhere
    commands = re.findall(r"^\$ nps-connect (.+)$", PAGE, re.MULTILINE)
    assert len(commands) == 7
    monkeypatch.chdir(tmp_path)
    for command in commands:
        arguments = shlex.split(command)
        config = ["--config", str(seeded_cli.folder / "nps-connect.toml")]
        assert seeded_cli(*arguments, *config).code == 0, command
    assert (tmp_path / "report.csv").is_file()


def test_the_configuration_of_the_page():
    tables = tomllib.loads("\n".join(re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)))
    dimensions = tables["core"]["dimensions"]
    settings = type("Tables", (), {})()
    settings.core = Core.model_construct(dimensions=dimensions)
    settings.teams = {name: Team.model_validate(table) for name, table in tables["teams"].items()}
    rules = build_dimension_rules(settings)
    assert rules.read_dimensions({"shop": "Lyon"}, {"account_manager": 7.0}) == {"location": "Lyon", "owner": "7"}
    assert rules.find_teams({"location": "Lyon"}) == [("team", "lyon")]
