"""The import commands of the documentation work as printed, with the configuration that `init` writes."""

import re
import shlex

import pytest
from support.spreadsheet_files import write_csv

COMMAND = re.compile(r"^\$ nps-connect ((?:surveys invite|responses import) .+)$", re.MULTILINE)


@pytest.fixture
def documented_commands(request):
    return COMMAND.findall((request.config.rootpath / "docs" / "imports.md").read_text(encoding="utf-8"))


def test_import_commands_work_as_printed(sandbox_cli, documented_commands):
    assert len(documented_commands) == 2
    write_csv(sandbox_cli.folder, "clients.csv", ("Nom", "Courriel"), ("Zoé Martin", "zoe@example.com"))
    write_csv(
        sandbox_cli.folder,
        "export.csv",
        ("response_id", "email", "answer", "comment", "responded", "question_type"),
        ("71", "paul@example.com", "9", "Bien", "1769864700", "nps"),
        delimiter=",",
    )
    for command in ("init", "db create"):
        assert sandbox_cli(*command.split()).code == 0
    for command in documented_commands:
        result = sandbox_cli(*shlex.split(command), answer="y\n")
        assert result.code == 0, result.err
