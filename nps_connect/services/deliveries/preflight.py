"""Endings: what becomes of a delivery that is not carried out now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True)
class NotAttempted:
    """A delivery that ends without a call, and why; `pending` waits `until` then, without using up a try."""

    state: Literal["skipped", "cancelled", "held", "pending"]
    reason: str
    until: datetime | None = None
