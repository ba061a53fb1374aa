"""What the long form of the crawl changes in the short one: all links of a thousand mails, and a report."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

MAILS, LINKS, SEED, MINUTES, IDLE_TIMEOUT, REPORT = (
    f"NPS_CONNECT_CRAWL_{name}" for name in ("MAILS", "LINKS", "SEED", "MINUTES", "PATIENCE", "REPORT")
)


def int_from_environment(name: str, short: int) -> int:
    """A number of the long form, or the one of the short form."""
    return int(os.environ.get(name, short))


class CrawlProgress:
    """How far a crawl is; a long one tells it, and ends when its time is over."""

    def __init__(self, total: int) -> None:
        self._total, self._began = total, time.monotonic()
        self._told = self._worked = 0
        self._long = REPORT in os.environ

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self._began

    def is_time_to_work(self, done: int) -> bool:
        """Four times in a crawl: so often the application works off what is due meanwhile."""
        due = done - self._worked >= self._total / 4
        self._worked = done if due else self._worked
        return due

    def is_over(self, done: int) -> bool:
        """Whether to stop, after so many pages."""
        if self._long and done - self._told >= self._total / 50:
            self._told = done
            sys.stderr.write(f"{self.seconds / 60:5.1f} minutes  {done} pages, {self._total} links\n")
        return self._long and self.seconds > 60 * int_from_environment(MINUTES, 1_000)


def write_report(facts: dict[str, Any]) -> None:
    """Write down what a crawl did, if somebody collects."""
    if REPORT in os.environ:
        Path(os.environ[REPORT]).write_text(json.dumps(facts), encoding="utf-8")
