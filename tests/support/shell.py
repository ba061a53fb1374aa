"""The commands of a page, and a shell in which a test runs them word by word, as a reader pastes them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from types import TracebackType
from typing import Self

COMMAND_BLOCK = re.compile(r"^ *```sh\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
END_MARKER = "--- end of command"
LAUNCHER = """\
#!{python}
from nps_connect.cli import main
main(prog_name="nps-connect", default_map={{"sandbox": {{"port": 0, "smtp_port": 0, "product_port": 0}}}})
"""
"""`nps-connect`, except that the sandbox takes free ports, so that the test needs none of its own."""


def documented_commands(page: str) -> list[str]:
    """Return the commands in the ``sh`` blocks of a page, in order."""
    return [line.strip() for block in COMMAND_BLOCK.findall(page) for line in block.splitlines()]


class Shell:
    """Bash with `nps-connect` on its path, and a virtual environment to activate in its folder.

    Args:
        folder: a folder that does not exist.

    Attributes:
        output: everything printed so far, also by background jobs.
    """

    def __init__(self, folder: Path) -> None:
        programs = folder / ".venv" / "bin"
        programs.mkdir(parents=True)
        (programs / "activate").write_text(f'export PATH="{programs}:$PATH"\n', encoding="utf-8")
        launcher = programs / "nps-connect"
        launcher.write_text(LAUNCHER.format(python=sys.executable), encoding="utf-8")
        launcher.chmod(0o755)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("NPS_")}
        self.output = ""
        self._bash = subprocess.Popen(
            ["bash", "--norc"],
            cwd=folder,
            env={**inherited, "NO_COLOR": "1", "COLUMNS": "80"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._bash.stdin is not None
        assert self._bash.stdout is not None
        self._bash.stdin.write("kill $(jobs -p); wait\n")
        self._bash.stdin.close()
        with self._bash.stdout:
            self._bash.stdout.read()
        self._bash.wait(60)

    def run(self, command: str) -> str:
        """Run a command and return what was printed meanwhile; it must succeed."""
        return self._send(f"{command}\necho '{END_MARKER}' $?\n", END_MARKER)

    def wait_for(self, text: str) -> str:
        """Wait until a background job prints a line with this text; returns what was printed meanwhile."""
        return self._send("", text)

    def _send(self, text: str, awaited: str) -> str:
        assert self._bash.stdin is not None
        assert self._bash.stdout is not None
        self._bash.stdin.write(text)
        self._bash.stdin.flush()
        lines: list[str] = []
        for line in self._bash.stdout:
            lines.append(line)
            self.output += line
            if awaited in line:
                break
        printed = "".join(lines)
        assert lines, f"the shell has ended:\n{self.output}"
        if awaited == END_MARKER:
            assert lines[-1].split() == f"{END_MARKER} 0".split(), f"{textwrap.shorten(text, 80)} failed:\n{printed}"
        return printed
