"""docs/moving-in.md: its commands work as printed, and it names every column that is read of Delighted's files."""

import json
import re
import shlex

import pytest
from support.survey_archives import ARCHIVES, BOUNCED, PEOPLE, RESPONSES, UNSUBSCRIBED

from nps_connect.rules.imports.layouts import LAYOUTS

COMMAND = re.compile(r"^\$ nps-connect (.+)$", re.MULTILINE)
FILES = {
    "survey.csv": "Respondent ID,End Date,Email Address,How likely is it that you would recommend us?,Why?\n"
    "1,01/31/2026 02:05:00 PM,zoe@example.com,9,Price\n",
    "answers.csv": "email,Points,date\nzoe@example.com,9,2026-01-31\n",
    "asked.csv": "email,Asked\nzoe@example.com,2026-01-31\n",
    "reviews.csv": "email,platform,sent_at\nzoe@example.com,google,2026-01-31\n",
    "stop.txt": "zoe@example.com\npaul@example.com\n",
}


@pytest.fixture
def page(request):
    return (request.config.rootpath / "docs" / "moving-in.md").read_text(encoding="utf-8")


@pytest.fixture
def folder_cli(sandbox_cli):
    """Run commands with every installed plugin, the configuration that `init` writes, and simulated vendors."""
    for command in ("init", "db create"):
        assert sandbox_cli(*command.split()).code == 0
    folder = sandbox_cli.folder
    (folder / "archive").mkdir()
    archive = {"people": PEOPLE, "survey_responses": RESPONSES[1:], "unsubscribes": UNSUBSCRIBED, "bounces": BOUNCED}
    archive["survey_responses"].append(RESPONSES[0] | {"id": "80"})
    pages = {f"archive/{name}.json": rows for name, rows in archive.items()}
    for source in ARCHIVES.values():
        pages |= source
    for name, text in {**FILES, **{name: json.dumps(page) for name, page in pages.items()}}.items():
        (folder / name).write_text(text, encoding="utf-8")
    return sandbox_cli


def test_every_command_works_as_printed(folder_cli, page):
    commands = COMMAND.findall(page)
    assert len(commands) >= 12
    for command in commands:
        result = folder_cli(*shlex.split(command.replace("--expect-nps 33", "--expect-nps 20")))
        assert result.code == 0, (command, result.out, result.err)


def test_every_column_of_delighted_is_named(page):
    section = page.partition("### What files are read")[2].partition("\n## ")[0]
    for layout in LAYOUTS:
        if layout.source == "delighted":
            named = {name for columns in layout.columns.values() for name in columns} | set(layout.recognized_by)
            assert [name for name in named - {"person_email"} if f"`{name}`" not in section] == []
