"""The commands of the page about deliveries, word by word."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "delivery.md").read_text(encoding="utf-8")


def test_the_commands_of_the_page_work(seeded_cli):
    section = PAGE.partition("## Expedite, retry and cancel")[2]
    commands = re.findall(r"^nps-connect (.+)$", section, re.MULTILINE)
    [dead] = json.loads(seeded_cli("deliveries", "list", "--state", "dead", "--json").out)["items"]
    assert [command.split()[1] for command in commands] == ["expedite", "retry", "retry", "cancel"]
    for command in commands:
        result = seeded_cli(*shlex.split(command.replace("4711", str(dead["id"]))), answer="y\n")
        assert result.code == 0, f"{command}: {result.err}{result.out}"
