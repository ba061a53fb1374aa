"""Run checks at the same time, with one deadline for all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from queue import Empty, SimpleQueue
from threading import Thread

from nps_connect.records.findings import Finding

WAIT_SECONDS = 0.05
"""Longest wait for a result before the deadline is looked at again."""


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes:
        name: what is checked, unique: a connection, or a part of the system.
        run: returns its findings; it must not raise.
        fix: what to do if it does not finish.
    """

    name: str
    run: Callable[[], list[Finding]]
    fix: str


def run_checks(
    checks: Sequence[Check], timeout: timedelta, monotonic: Callable[[], float] = time.monotonic
) -> dict[str, list[Finding]]:
    """Run every check in a thread of its own; return the findings by name, in order.

    A check that is not finished in time is left to itself: its thread does not keep the process alive. Its result is
    one finding, `check-timeout`.

    Args:
        checks: the checks.
        timeout: how long to wait for all of them together.
        monotonic: source of elapsed time, in seconds.
    """
    deadline = monotonic() + timeout.total_seconds()
    results: SimpleQueue[tuple[str, list[Finding]]] = SimpleQueue()
    for check in checks:
        Thread(target=_run, args=(check, results), name=f"check:{check.name}", daemon=True).start()
    finished: dict[str, list[Finding]] = {}
    while len(finished) < len(checks) and monotonic() < deadline:
        try:
            name, findings = results.get(timeout=WAIT_SECONDS)
        except Empty:
            continue
        finished[name] = findings
    return {check.name: finished.get(check.name) or _missing(check, finished, timeout) for check in checks}


def _run(check: Check, results: SimpleQueue[tuple[str, list[Finding]]]) -> None:
    results.put((check.name, check.run()))


def _missing(check: Check, finished: dict[str, list[Finding]], timeout: timedelta) -> list[Finding]:
    """Return the finding on a check without a result; a finished check without findings has none."""
    if check.name in finished:
        return []
    text = f"the check did not finish within {timeout.total_seconds():.0f} s"
    return [Finding(id="check-timeout", severity="error", subject=check.name, text=text, fix=check.fix)]
