"""The benchmark of scheduling runs, at a small size: a day's share of the population becomes events."""

from __future__ import annotations

import re

from benchmarks.recurring import measure


def test_benchmark_scans_a_small_population_page_by_page():
    first, following = measure(2500)
    assert (first[1], re.search(r"(\d+) events", first[3])[1]) == (2500, "0")
    assert 1 <= int(re.search(r"(\d+) events", following[3])[1]) <= 60
