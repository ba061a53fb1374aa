"""The commands of docs/configuration.md work, in the order of the page."""

import re
import shlex
import shutil
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_commands_of_the_page_work_in_its_order(configured_cli):
    assert configured_cli("db", "create").code == 0
    commands = [line for block in BLOCK.findall(PAGE) for line in block.splitlines()]
    assert len(commands) == 8
    for line in commands:
        program, *arguments = shlex.split(line)
        if program == "cp":
            shutil.copy(*(configured_cli.folder / name for name in arguments))
            continue
        result = configured_cli(*arguments)
        assert (program, result.code) == ("nps-connect", 0), (line, result.err)


def test_the_line_for_editors_is_a_comment_of_a_valid_file(configured_cli):
    path = configured_cli.folder / "nps-connect.toml"
    [line] = re.findall(r"^#:schema .*$", PAGE, re.MULTILINE)
    path.write_text(f"{line}\n{path.read_text()}")
    assert configured_cli("config", "check").code == 0
