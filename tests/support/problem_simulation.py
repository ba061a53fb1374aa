"""`make problem-simulation`: judges fixes in invented worlds and writes docs/problem-simulation.md.

In a null world no fix has an effect. Ten groups of customers differ in level, all of them move with the season, and the
problem is opened for the group that was worst in four weeks, which is how people find problems.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from random import Random

from nps_connect.rules.nps_arithmetic import NpsFigure, compute_nps
from nps_connect.rules.problem_effect import (
    DaySpan,
    FixEffect,
    ScoreComparison,
    ShareComparison,
    judge_score,
    judge_share,
    plan_evaluation,
)

REPORT = Path(__file__).parent.parent.parent / "docs" / "problem-simulation.md"
SEED = 20261130
WORLDS = 1000
LIMIT = 67
"""Null worlds of 1,000 that may be claimed: 50 are expected at 5 %, and 67 or fewer occur 99 times of 100."""

GROUPS = 10
WEEK = timedelta(days=7)
OPENED_ON, FIXED_ON = date(2026, 6, 28), date(2026, 7, 13)
EVIDENCE = DaySpan(OPENED_ON - 4 * WEEK + timedelta(days=1), OPENED_ON)
PERIOD_DAYS = 84


@dataclass(frozen=True)
class World:
    """How customers answer.

    Attributes:
        weekly: answers of each group in a week.
        promoters, detractors: shares in the middle of the season.
        spread: how far the levels of the groups lie apart, in points of the score.
        season: how far all scores move from the first day to the last, in points.
        effect: points that the fix adds for those concerned.
    """

    weekly: int
    promoters: float
    detractors: float
    spread: float = 0
    season: float = 0
    effect: float = 0


def binomial(random: Random, trials: int, chance: float) -> int:
    """Return how many of some trials succeed: exact, by order statistics (Devroye 1986, X.4.3)."""
    hits = 0
    while trials > 20:
        if chance <= 0 or chance >= 1:
            return hits + (trials if chance >= 1 else 0)
        middle = 1 + trials // 2
        quantile = random.betavariate(middle, trials - middle + 1)
        if quantile >= chance:
            trials, chance = middle - 1, chance / quantile
        else:
            hits += middle
            trials, chance = trials - middle, (chance - quantile) / (1 - quantile)
    return hits + sum(random.random() < chance for _ in range(trials))


class Group:
    """The answers of one group by week, drawn when they are first asked for."""

    def __init__(self, random: Random, world: World, level: float, size: int = 1) -> None:
        self.random, self.world, self.level, self.size = random, world, level, size
        self.concerned = False
        self.weeks: dict[date, tuple[int, int, int]] = {}

    def week(self, monday: date) -> tuple[int, int, int]:
        if monday not in self.weeks:
            world, trials = self.world, self.world.weekly * self.size
            points = self.level + world.season * ((monday - FIXED_ON).days / (2 * PERIOD_DAYS))
            points += world.effect if self.concerned and monday > FIXED_ON else 0
            promoting, detracting = world.promoters + points / 200, world.detractors - points / 200
            promoters = binomial(self.random, trials, promoting)
            detractors = binomial(self.random, trials - promoters, detracting / (1 - promoting))
            self.weeks[monday] = promoters, trials - promoters - detractors, detractors
        return self.weeks[monday]

    def score(self, *spans: DaySpan) -> NpsFigure:
        return compute_nps(*map(sum, zip(*map(self.week, weeks_of(*spans)), strict=True)))


def weeks_of(*spans: DaySpan) -> list[date]:
    """Return the first days of the weeks in spans of whole weeks."""
    return [
        span.first + number * WEEK
        for span in spans
        for number in range(((span.last - span.first).days + 1) // WEEK.days)
    ]


def open_worst(random: Random, world: World) -> tuple[Group, Group]:
    """Return the group that was worst in the evidence, and all the others."""
    levels = [random.uniform(-world.spread / 2, world.spread / 2) for _ in range(GROUPS)]
    groups = [Group(random, world, level) for level in levels]
    worst = min(groups, key=lambda group: group.score(EVIDENCE).score or 0)
    worst.concerned = True
    mean = sum(group.level for group in groups if group is not worst) / (GROUPS - 1)
    return worst, Group(random, world, mean, GROUPS - 1)


def judge_world(random: Random, world: World, *, leave_out_evidence: bool = True) -> FixEffect:
    """Open the problem of the worst group, fix it, and judge."""
    concerned, others = open_worst(random, world)
    evidence = EVIDENCE if leave_out_evidence else DaySpan(FIXED_ON, FIXED_ON)
    plan = plan_evaluation(fixed_on=FIXED_ON, entered_on=FIXED_ON, evidence=evidence, days=PERIOD_DAYS)
    figures = (concerned.score(*plan.before), concerned.score(plan.after))
    return judge_score(ScoreComparison(*figures, others.score(*plan.before), others.score(plan.after)))


def judge_themes(random: Random, respondents: int, share: float, effect: float = 0) -> FixEffect:
    """Open the problem of the theme that was named most among ten, fix it, and judge its share."""
    shares = [share * random.uniform(0.8, 1.2) for _ in range(GROUPS)]
    worst = max(shares, key=lambda chance: binomial(random, respondents // 3, chance) + random.random())
    named = (binomial(random, respondents, worst), binomial(random, respondents, worst + effect))
    return judge_share(ShareComparison(named[0], respondents, named[1], respondents))


SMALL, MIDDLE = World(4, 0.5, 0.2), World(25, 0.5, 0.2)
LARGE = World(100, 0.5, 0.2)
NULL_WORLDS: dict[str, Callable[[Random], FixEffect]] = {
    "48 answers of those concerned per period": lambda random: judge_world(random, SMALL),
    "300 answers of those concerned per period": lambda random: judge_world(random, MIDDLE),
    "1,200 answers of those concerned per period": lambda random: judge_world(random, LARGE),
    "300 answers; groups 20 points apart; all scores rise by 20 points": lambda random: judge_world(
        random, replace(MIDDLE, spread=20, season=20)
    ),
    "300 answers; happy customers (P 80 %, D 5 %)": lambda random: judge_world(random, World(25, 0.8, 0.05)),
    "a theme of 8 % among 600 respondents": lambda random: judge_themes(random, 600, 0.08),
    "a follow-up choice of 30 % among 200 respondents": lambda random: judge_themes(random, 200, 0.3),
}


def judge_effect(random: Random, points: float, weekly: int = 100) -> FixEffect:
    """Judge a real effect; 100 answers in a week are 1,200 in a period, and the others have 12,000."""
    world = World(weekly, 0.5, 0.2, effect=points)
    concerned, others = Group(random, world, 0), Group(random, world, 0, 10)
    concerned.concerned = True
    plan = plan_evaluation(fixed_on=FIXED_ON, entered_on=FIXED_ON, evidence=EVIDENCE, days=PERIOD_DAYS)
    figures = concerned.score(*plan.before), concerned.score(plan.after)
    return judge_score(ScoreComparison(*figures, others.score(*plan.before), others.score(plan.after)))


def theory(points: float, weekly: int = 100) -> float:
    """Return the share of effects that a two-sided test at 5 % finds, with P 50 % and D 20 %."""
    error = 100 * math.sqrt(0.61 * 2 / (weekly * 12) * 1.1)
    return 1 - 0.5 * math.erfc((points / error - 1.96) / math.sqrt(2))


def count_claims(judge: Callable[[Random], FixEffect], worlds: int, seed: int = SEED) -> int:
    """Return in how many worlds a change is claimed, in either direction."""
    random = Random(seed)
    return sum(judge(random).verdict in ("better", "worse") for _ in range(worlds))


def count_found(points: float, worlds: int, weekly: int = 100, seed: int = SEED) -> int:
    """Return in how many worlds the fix is found to have worked."""
    random = Random(seed)
    return sum(judge_effect(random, points, weekly).verdict == "better" for _ in range(worlds))


def render_report() -> tuple[str, bool]:
    """Return the page, and whether every goal is met."""
    claims = {name: count_claims(judge, WORLDS) for name, judge in NULL_WORLDS.items()}
    biased = count_claims(lambda random: judge_world(random, LARGE, leave_out_evidence=False), WORLDS)
    found = count_found(10, WORLDS)
    met = max(claims.values()) <= LIMIT and found >= 0.8 * WORLDS
    rows = [f"| {name} | {number} |" for name, number in claims.items()]
    effects = [
        f"| {points} | {weekly * 12:,} | {count_found(points, WORLDS, weekly) / WORLDS:.1%} | {theory(points, weekly):.1%} |"
        for points, weekly in ((5, 100), (10, 100), (15, 100), (10, 25), (20, 25), (20, 5), (40, 5))
    ]
    text = PAGE.format(
        worlds=f"{WORLDS:,}",
        seed=SEED,
        limit=LIMIT,
        rows="\n".join(rows),
        biased=biased,
        effects="\n".join(effects),
        result="Every goal is met." if met else "**A goal is missed.**",
    )
    return text, met


PAGE = """# Are problems judged fairly?

`make problem-simulation` judges fixes in invented worlds by the same code as the product ([Problems](problems.md)); the seed is fixed ({seed}),
and the tests judge a small part of them. This page is written by the command. {result}

## Worlds in which the fix does nothing

{worlds} worlds each. Ten groups; the problem is opened for the one that was worst in four weeks (for themes: named most). A test at 5 % claims
about 50 by chance. At most {limit} may be claimed.

| worlds | claimed |
| --- | --- |
{rows}

Were the four weeks that led to the problem part of the period before, {biased} of {worlds} worlds with 1,200 answers would be claimed: who is
picked at the worst moment looks better afterwards.

## Worlds in which the fix works

P 50 %, D 20 %, the others have ten times as many answers. Found means that the verdict is "worked". At least 80 % of effects of 10
points are to be found with 1,200 answers of those concerned in each period.

| effect in points | answers of those concerned per period | found | by theory |
| --- | --- | --- | --- |
{effects}
"""


def main() -> int:
    """Write the page; fail if a goal is missed."""
    text, met = render_report()
    REPORT.write_text(text, encoding="utf-8")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
