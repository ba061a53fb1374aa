"""Standard output and error of all commands: no text from outside can control the terminal.

A stream that cannot be written to (a full disk, a closed pipe) ends the command with one sentence.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO


class OutputError(OSError):
    """A stream of the command cannot be written to; what it held is discarded."""


class GuardedStream:
    """A text stream whose failure is an `OutputError`, or a `BrokenPipeError` where the reader has gone away.

    Attributes:
        terminal: the stream below it.
    """

    def __init__(self, terminal: TextIO) -> None:
        self.terminal = terminal

    def write(self, text: str) -> int:
        """Write the text; return its length, as streams do."""
        if text:  # click writes an empty one to find out what the stream accepts
            with self._guarded():
                self.terminal.write(text)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write the lines."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Write what is buffered."""
        with self._guarded():
            self.terminal.flush()

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._discard()
            if error.errno == errno.EPIPE:
                raise
            raise OutputError(error.errno, error.strerror) from error

    def _discard(self) -> None:
        """Let everything that is written from now on, the buffer included, go nowhere: Python flushes at its end."""
        with suppress(OSError, ValueError):
            descriptor = os.open(os.devnull, os.O_WRONLY)
            os.dup2(descriptor, self.terminal.fileno())
            os.close(descriptor)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever the stream has
        return getattr(self.terminal, name)


class CleanStream(GuardedStream):
    """A text stream that keeps no control character but tab and newline of what is written to it."""

    def write(self, text: str) -> int:
        """Write the text without control characters; return its length, as streams do."""
        if not (text.isascii() and text.replace("\n", "").isprintable()):
            from nps_connect.sanitization import remove_control_characters  # compiling its patterns would slow --help

            super().write(remove_control_characters(text))
        else:
            super().write(text)
        return len(text)


@contextmanager
def clean_streams() -> Iterator[None]:
    """Clean everything written to `sys.stdout` and `sys.stderr` inside the block; closed ones are replaced."""
    terminals = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (CleanStream(stream or _open_nowhere()) for stream in terminals)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = terminals


def _open_nowhere() -> TextIO:
    """Return a stream without reader for a closed one; it also keeps its number from being given to another file."""
    return Path(os.devnull).open("w", encoding="utf-8")
