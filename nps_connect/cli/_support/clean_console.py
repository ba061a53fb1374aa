"""The Rich console of all commands: its own styles reach the terminal, control characters inside texts do not."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TextIO, cast

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from nps_connect.cli._support.clean_streams import GuardedStream
from nps_connect.sanitization import remove_control_characters


class CleanConsole(Console):
    """A console that cleans every text before it is styled.

    Args:
        stderr: print to standard error.
        width: in columns; None detects it.
    """

    def __init__(self, *, stderr: bool, width: int | None) -> None:
        stream = sys.stderr if stderr else sys.stdout
        guarded = GuardedStream(getattr(stream, "terminal", stream))
        super().__init__(file=cast("TextIO", guarded), width=width, highlight=False)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """Yield the segments of a renderable, cleaned."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=remove_control_characters(segment.text))
