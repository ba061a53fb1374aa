"""Samples of contacts by a stable hash: the same contact is always in or always out."""

from __future__ import annotations

import hashlib
import json

_RANGE = 2**64
_encode_json = json.JSONEncoder(ensure_ascii=False).encode


def in_sample(trigger: str, contact: str, percent: float) -> bool:
    """Whether a contact belongs to the sample of a trigger.

    Raising the percentage only adds contacts; triggers sample independently of each other.

    Args:
        trigger: the trigger's label.
        contact: stable id of the contact, such as connection and vendor id.
        percent: 0 to 100.
    """
    return percent >= 100 or stable_hash(trigger, contact) < percent / 100 * _RANGE


def stable_hash(*parts: str) -> int:
    """Return a stable, uniformly distributed integer from 0 to 2**64 - 1 for a list of texts."""
    text = _encode_json(parts)
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big")
