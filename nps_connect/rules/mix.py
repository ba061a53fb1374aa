"""Whether two groups of responses were collected in different ways, which a comparison of scores must say. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nps_connect.rules.holm import find_significant
from nps_connect.rules.nps_arithmetic import compute_share_difference


@dataclass(frozen=True)
class MixComparison:
    """Shares (0 to 1) of each value in two groups, and the values whose shares differ beyond chance.

    Attributes:
        later: shares by value, such as ``{"web": 0.8, "phone": 0.2}``.
        earlier: the same values.
        differing: values whose shares differ beyond chance.
    """

    later: Mapping[str, float]
    earlier: Mapping[str, float]
    differing: frozenset[str]

    def __bool__(self) -> bool:
        return bool(self.differing)


def compare_mix(later: Mapping[str, int], earlier: Mapping[str, int]) -> MixComparison:
    """Compare the shares of each value, with Holm's correction over the values.

    Args:
        later, earlier: numbers of responses by value.
    """
    totals = sum(later.values()), sum(earlier.values())
    p_values: dict[str, float] = {}
    for value in later.keys() | earlier.keys():
        shares = (later.get(value, 0), totals[0]), (earlier.get(value, 0), totals[1])
        difference = compute_share_difference(*shares)
        if difference.p_value is not None and not difference.too_small:
            p_values[value] = difference.p_value
    values = sorted(later.keys() | earlier.keys())
    return MixComparison(
        {value: later.get(value, 0) / max(totals[0], 1) for value in values},
        {value: earlier.get(value, 0) / max(totals[1], 1) for value in values},
        find_significant(p_values),
    )
