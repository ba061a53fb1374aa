"""Standard output and error of all commands: no text from outside can control the terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO


class CleanStream:
    """A text stream that keeps no control character but tab and newline of what is written to it.

    Attributes:
        terminal: the stream below it, for styles and progress bars, which are control sequences.
    """

    def __init__(self, terminal: TextIO) -> None:
        self.terminal = terminal

    def write(self, text: str) -> int:
        """Write the text without control characters; return its length, as streams do."""
        if not (text.isascii() and text.replace("\n", "").isprintable()):
            from nps_connect.sanitization import remove_control_characters  # compiling its patterns would slow --help

            self.terminal.write(remove_control_characters(text))
        else:
            self.terminal.write(text)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write the lines without control characters."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever the stream has
        return getattr(self.terminal, name)


@contextmanager
def clean_streams() -> Iterator[None]:
    """Clean everything written to `sys.stdout` and `sys.stderr` inside the block."""
    terminals = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = CleanStream(sys.stdout), CleanStream(sys.stderr)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = terminals
