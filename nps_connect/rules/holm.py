"""Holm's correction for several comparisons at once. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

Key = TypeVar("Key")

SIGNIFICANCE = 0.05
CORRECTED_FROM = 6
"""Number of groups from which comparisons are corrected."""


def find_significant(p_values: Mapping[Key, float], level: float = SIGNIFICANCE) -> frozenset[Key]:
    """Return the comparisons that are significant when all of them are looked at.

    The smallest p-value is compared with `level` divided by the number of comparisons, the next with one comparison
    less, until the first that is not below (Holm 1979). So under no differences at all, the chance of any claim is at
    most `level`.
    """
    significant: set[Key] = set()
    for index, (key, p_value) in enumerate(sorted(p_values.items(), key=lambda item: item[1])):
        if p_value > level / (len(p_values) - index):
            break
        significant.add(key)
    return frozenset(significant)
