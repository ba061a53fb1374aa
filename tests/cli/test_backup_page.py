"""The commands of docs/backup.md work, in the order of the page."""

import re
import shlex
from pathlib import Path

import pytest

from nps_connect.cli.db.backup import pg_restore_commands
from nps_connect.ledger.ledger import Ledger

PAGE = (Path(__file__).parents[2] / "docs" / "backup.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_commands_of_the_page_work_in_its_order(configured_cli):
    assert configured_cli("db", "create").code == 0
    commands = [line for block in BLOCK.findall(PAGE) for line in block.splitlines()]
    assert len(commands) == 5
    for line in commands:
        program, *arguments = shlex.split(line)
        result = configured_cli(*arguments)
        assert (program, result.code) == ("nps-connect", 0), (line, result.err)


def test_the_page_names_the_tools_for_postgresql():
    pytest.importorskip("psycopg")
    ledger = Ledger("postgresql://jane:secret-word@db.example.com/nps")
    steps = "\n".join(pg_restore_commands(ledger, Path("monday.dump")))
    ledger.close()
    for tool in ("pg_restore", "db upgrade", "db restored", "core.database_url"):
        assert tool in steps
        assert tool in PAGE
    assert "pg_dump --format=custom" in PAGE
    assert "secret-word" not in steps
