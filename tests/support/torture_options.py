"""What the long form of the fault suite changes in the short one: more kills, other seeds, and a report."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

from support.end_state import EndState

KILLS, FAULTS, SEED, REPORT = (f"NPS_CONNECT_TORTURE_{name}" for name in ("KILLS", "FAULTS", "SEED", "REPORT"))


def is_long() -> bool:
    """Whether this is the long form."""
    return REPORT in os.environ


def kill_count(short: int) -> int:
    """How often to kill."""
    return int(os.environ.get(KILLS, short))


def fault_count(short: int) -> int:
    """How often something else goes wrong: a restart, a full disk."""
    return int(os.environ.get(FAULTS, short))


def customer_count(short: int) -> int:
    """To how many people things happen where nothing else ends the load_generator."""
    return short * 6 if is_long() else short


def random_seed(short: int) -> int:
    """Where chance starts."""
    return int(os.environ.get(SEED, short))


def append_report(what: str, seed: int, accounts: EndState, *, kills: int = 0, faults: int = 0) -> None:
    """Write down a round that went well, if somebody collects.

    Args:
        what: the torture.
        seed: of the round.
        accounts: how much of everything there was.
        kills: how many processes were killed.
        faults: how many faults of other kinds there were.
    """
    if is_long():
        facts = {"what": what, "seed": seed, "kills": kills, "faults": faults} | asdict(accounts)
        with Path(os.environ[REPORT]).open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(facts) + "\n")
