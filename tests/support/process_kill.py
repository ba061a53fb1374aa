"""End this process with SIGKILL at a chosen point."""

from __future__ import annotations

import os
import signal
from pathlib import Path


def kill_at_rename(step: int) -> None:
    """End this process before its rename number `step` (from 0) of a file that exists; call it in a forked child."""
    rename, done = Path.rename, []

    def counted_rename(path: Path, target: Path) -> Path:
        if len(done) == step:
            os.kill(os.getpid(), signal.SIGKILL)
        if path.exists():
            done.append(path)
        return rename(path, target)

    Path.rename = counted_rename
