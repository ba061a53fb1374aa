"""What the long form of the fault suite changes in the short one: more kills, other seeds, and a report."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def kills(short: int) -> int:
    """How often to kill."""
    return int(os.environ.get("NPS_CONNECT_TORTURE_KILLS", short))


def seed(short: int) -> int:
    """Where chance starts."""
    return int(os.environ.get("NPS_CONNECT_TORTURE_SEED", short))


def report(**facts: Any) -> None:
    """Write down a round that went well, if somebody collects."""
    where = os.environ.get("NPS_CONNECT_TORTURE_REPORT")
    if where:
        with Path(where).open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(facts) + "\n")
