"""The options of the long form of the fault tests: more kills, other seeds, and a report."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

from support.end_state import EndState

KILLS, FAULTS, SEED, REPORT = (f"NPS_CONNECT_TORTURE_{name}" for name in ("KILLS", "FAULTS", "SEED", "REPORT"))


def is_long() -> bool:
    """Return whether this is the long form."""
    return REPORT in os.environ


def kill_count(short: int) -> int:
    """Return the number of kills."""
    return int(os.environ.get(KILLS, short))


def fault_count(short: int) -> int:
    """Return the number of other faults, such as restarts."""
    return int(os.environ.get(FAULTS, short))


def customer_count(short: int) -> int:
    """Return the minimum number of customers in tests that are not limited by a number of faults."""
    return short * 6 if is_long() else short


def event_interval_seconds() -> float:
    """Return the time between two customers to whom an event happens: work for four customers a second costs a core."""
    return 0.25 if is_long() else 0.4


def random_seed(short: int) -> int:
    """Return the seed of the random choices."""
    return int(os.environ.get(SEED, short))


def append_report(what: str, seed: int, end_state: EndState, *, kills: int = 0, faults: int = 0) -> None:
    """Append the result of a successful round to the report, in the long form.

    Args:
        what: the name of the test.
        seed: the seed of the round.
        end_state: the verified numbers.
        kills: the number of killed processes.
        faults: the number of other faults.
    """
    if is_long():
        result = {"what": what, "seed": seed, "kills": kills, "faults": faults} | asdict(end_state)
        with Path(os.environ[REPORT]).open("a", encoding="utf-8") as report:
            report.write(json.dumps(result) + "\n")
