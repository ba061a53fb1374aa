"""Who is in a trigger's sample: a stable hash, so that the same person gets the same answer every time."""

from __future__ import annotations

import hashlib
import json

_RANGE = 2**64
_encode_json = json.JSONEncoder(ensure_ascii=False).encode


def in_sample(trigger: str, contact: str, percent: float) -> bool:
    """Whether a contact belongs to the sample of a trigger.

    Raising the percentage only ever adds people; two triggers draw independently.

    Args:
        trigger: the trigger's label.
        contact: a stable id of the person, such as connection and vendor id.
        percent: 0 (nobody) to 100 (everybody).
    """
    return percent >= 100 or stable_hash(trigger, contact) < percent / 100 * _RANGE


def stable_hash(*parts: str) -> int:
    """A stable, evenly spread integer from 0 to 2**64 - 1 for a list of texts."""
    text = _encode_json(parts)
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big")
