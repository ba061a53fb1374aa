"""Options of the long crawl (all links of a thousand mails, with a report), read from the environment."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

MAILS, LINKS, SEED, MINUTES, IDLE_TIMEOUT, REPORT = (
    f"NPS_CONNECT_CRAWL_{name}" for name in ("MAILS", "LINKS", "SEED", "MINUTES", "IDLE_TIMEOUT", "REPORT")
)


def int_from_environment(name: str, default: int) -> int:
    """Return the number in an environment variable, or the default of the short crawl."""
    return int(os.environ.get(name, default))


class CrawlProgress:
    """Progress of a crawl; a long one prints it and ends at its time limit."""

    def __init__(self, total: int) -> None:
        self._total, self._started_at = total, time.monotonic()
        self._last_printed = self._last_run = 0
        self._is_long = REPORT in os.environ

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started_at

    def is_time_to_work(self, done: int) -> bool:
        """Return whether the application should process due work: four times in a crawl."""
        due = done - self._last_run >= self._total / 4
        self._last_run = done if due else self._last_run
        return due

    def is_over(self, done: int) -> bool:
        """Return whether the time limit is reached; prints the progress of a long crawl."""
        if self._is_long and done - self._last_printed >= self._total / 50:
            self._last_printed = done
            sys.stderr.write(f"{self.seconds / 60:5.1f} minutes  {done} pages, {self._total} links\n")
        return self._is_long and self.seconds > 60 * int_from_environment(MINUTES, 1_000)


def write_report(facts: dict[str, Any]) -> None:
    """Write the report if one was requested."""
    if REPORT in os.environ:
        Path(os.environ[REPORT]).write_text(json.dumps(facts), encoding="utf-8")
