"""Processes whose clocks run ahead or behind, by libfaketime: their clocks can be set while they run."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from support.process_pool import ProcessPool

LIBRARY_PATTERN = "lib*/**/libfaketimeMT.so.1"
LATENCY_SECONDS = 1
"""The time after which a process notices that its clock was set."""

ENVIRON = {
    "FAKETIME_CACHE_DURATION": str(LATENCY_SECONDS),
    "FAKETIME_DONT_FAKE_MONOTONIC": "1",  # a jump of the wall clock leaves the monotonic clock as it is
    "NO_FAKE_STAT": "1",
}


def faketime_pool() -> ProcessPool:
    """Return a process pool whose processes have a `ProcessClock`; skip the test where libfaketime is missing."""
    library = next(Path("/usr").glob(LIBRARY_PATTERN), None)
    if library is None:
        pytest.skip("libfaketime is not installed")
    return ProcessPool({**ENVIRON, "LD_PRELOAD": str(library)})


class ProcessClock:
    """The clock of one process of a `faketime_pool`.

    Args:
        file: the file with its offset.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set(timedelta(0))

    @property
    def environ(self) -> dict[str, str]:
        """Environment variables of the process."""
        return {**ENVIRON, "FAKETIME_TIMESTAMP_FILE": str(self._file)}

    def set(self, offset: timedelta) -> None:
        """Set the clock to the real time plus an offset."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{offset.total_seconds():+f}\n")
        new.replace(self._file)
