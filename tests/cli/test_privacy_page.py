"""docs/privacy.md: its commands work as printed, and its data map names every table with personal data."""

from __future__ import annotations

import re
import shlex
from contextlib import nullcontext

from nps_connect.cli._support.options import Options
from nps_connect.services.suppressions.personal_data import PERSONAL_TABLES

COMMAND = re.compile(r"^ *\$ nps-connect (.+)$", re.MULTILINE)
CELL = re.compile(r"^\| (`[^|]+`) \|", re.MULTILINE)


def page(request) -> str:
    return (request.config.rootpath / "docs" / "privacy.md").read_text(encoding="utf-8")


def test_every_command_works_as_printed(seeded_cli, monkeypatch, request):
    monkeypatch.setattr(Options, "open_application", lambda _options: nullcontext(seeded_cli.application.app))
    commands = COMMAND.findall(page(request))
    assert [command.split()[:2] for command in commands] == [
        ["contacts", "export"],
        ["contacts", "erase"],
        ["contacts", "erase"],
        ["deliveries", "list"],
        ["suppressions", "add"],
    ]
    for command in commands:
        result = seeded_cli(*shlex.split(command))
        assert result.code == 0, (command, result.err)


def test_the_data_map_names_every_table_with_personal_data(request):
    named = {name for cell in CELL.findall(page(request)) for name in re.findall(r"`(\w+)`", cell)}
    assert named == {entry.table.__tablename__ for entry in PERSONAL_TABLES}
