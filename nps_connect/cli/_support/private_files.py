"""Files that hold secrets or personal data: readable by their owner only."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Literal, TextIO

PRIVATE_FILE_MODE = 0o600


def open_private(path: Path, mode: Literal["w", "a"] = "w") -> TextIO:
    """Open a text file for writing or appending that only its owner may read; an existing one is restricted too.

    Raises:
        OSError: the file cannot be written.
    """
    return open(path, mode, encoding="utf-8", newline="", opener=_open_descriptor)  # Path has no opener


def _open_descriptor(path: str, flags: int) -> int:
    descriptor = os.open(path, flags, PRIVATE_FILE_MODE)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):  # not a terminal or a pipe, such as /dev/stdout
        os.fchmod(descriptor, PRIVATE_FILE_MODE)
    return descriptor
