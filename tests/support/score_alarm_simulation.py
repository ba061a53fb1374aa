"""Score alarms in simulated worlds with fixed seeds; ``make score-alarms`` writes the tables of docs/score-alarms.md."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path

from nps_connect.rules.score_alarm import HISTORY_WEEKS, LOOKS, WeekCounts, find_drop

REPORT = Path(__file__).parents[2] / "docs" / "score-alarms.md"
SEED = 20_260_301
WORLDS = 200
"""Worlds of two years for each row of the table."""


@dataclass(frozen=True)
class World:
    """Series that do not change, or whose score drops once.

    Attributes:
        series: how many are watched.
        per_week: responses a week in each, on average; the weeks differ as chance makes them.
        promoters, detractors: their shares.
        drop: points by which the first series drops at the first look; 0 for an unchanged world.
    """

    series: int
    per_week: int
    promoters: float
    detractors: float
    drop: int = 0


UNCHANGED = (
    World(1, 10, 0.5, 0.2),
    World(1, 100, 0.5, 0.2),
    World(4, 10, 0.5, 0.2),
    World(4, 40, 0.5, 0.2),
    World(4, 40, 0.85, 0.05),
    World(4, 10, 0.92, 0.02),
    World(4, 40, 0.2, 0.5),
    World(12, 15, 0.6, 0.15),
    World(40, 40, 0.6, 0.15),
)
DROPS = (
    World(4, 20, 0.5, 0.2, drop=20),
    World(4, 40, 0.5, 0.2, drop=20),
    World(4, 100, 0.5, 0.2, drop=10),
    World(4, 100, 0.5, 0.2, drop=20),
    World(4, 300, 0.5, 0.2, drop=10),
    World(12, 100, 0.5, 0.2, drop=20),
)


def simulate_weeks(world: World, rng: random.Random, weeks: int, drop: int = 0) -> list[WeekCounts]:
    """Return the counts of consecutive weeks of one series, whose score is lower by `drop` points."""
    promoters, detractors = world.promoters - drop / 200, world.detractors + drop / 200
    limits = list(accumulate((promoters, 1 - promoters - detractors, detractors)))
    counts = []
    for _ in range(weeks):
        responses = max(0, round(rng.gauss(world.per_week, world.per_week**0.5)))
        draws = rng.choices((0, 1, 2), cum_weights=limits, k=responses)
        counts.append(WeekCounts(draws.count(0), draws.count(1), draws.count(2)))
    return counts


def count_false_alarms(world: World, rng: random.Random) -> int:
    """Return how many alarms are raised within two years in an unchanged world, over all of its series.

    An alarm lasts while the looks after it find a drop too; it is raised once.
    """
    alarms = 0
    for _ in range(world.series):
        weeks = simulate_weeks(world, rng, HISTORY_WEEKS + LOOKS)
        looks = [find_drop(weeks[look : look + HISTORY_WEEKS], world.series) is not None for look in range(LOOKS)]
        alarms += sum(found and not before for before, found in pairwise([False, *looks]))
    return alarms


def weeks_to_alarm(world: World, rng: random.Random, limit: int = 26) -> int | None:
    """Return after how many weeks the drop of one series is found; None if it is not within half a year."""
    weeks = simulate_weeks(world, rng, HISTORY_WEEKS) + simulate_weeks(world, rng, limit, world.drop)
    for look in range(1, limit + 1):
        if find_drop(weeks[look : look + HISTORY_WEEKS], world.series) is not None:
            return look
    return None


def render_report() -> str:
    """Simulate all worlds and return both tables in Markdown."""
    rng = random.Random(SEED)
    lines = [
        "| series watched | responses a week in each | promoters | detractors | false alarms in two years |",
        "| ---: | ---: | ---: | ---: | ---: |",
    ]
    for world in UNCHANGED:
        alarms = sum(count_false_alarms(world, rng) for _ in range(WORLDS))
        lines.append(
            f"| {world.series} | {world.per_week} | {world.promoters:.0%} | {world.detractors:.0%} "
            f"| {alarms / WORLDS:.2f} |"
        )
    lines += [
        "",
        "| series watched | responses a week in each | drop | found within half a year | median until then |",
        "| ---: | ---: | ---: | ---: | ---: |",
    ]
    for world in DROPS:
        found = sorted(week for _ in range(WORLDS) if (week := weeks_to_alarm(world, rng)) is not None)
        median = f"{found[len(found) // 2]} weeks" if found else "none"
        lines.append(
            f"| {world.series} | {world.per_week} | {world.drop} points | {len(found) / WORLDS:.0%} | {median} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write both tables into the documentation."""
    introduction = REPORT.read_text(encoding="utf-8").partition("\n| series")[0]
    REPORT.write_text(f"{introduction}\n{render_report()}", encoding="utf-8")


if __name__ == "__main__":
    main()
