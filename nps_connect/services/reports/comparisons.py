"""Comparisons: groups with each other, and two sets of responses, with what stands out and how they were collected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo

from sqlmodel import Session

from nps_connect.ledger.response_dimensions import TEAM
from nps_connect.rules.holm import CORRECTED_FROM, find_significant
from nps_connect.rules.mix import MixComparison, compare_mix
from nps_connect.rules.nps_arithmetic import Difference, NpsFigure, compute_difference
from nps_connect.rules.score_counts import ScoreCounts
from nps_connect.services.reports.counts import count_by_dimension, count_scores
from nps_connect.services.reports.filters import ResponseFilter
from nps_connect.services.reports.staff_figures import protect_groups
from nps_connect.settings.model import Team

COLLECTED_BY = "collected_by"


@dataclass(frozen=True)
class GroupFigure:
    """One group of a comparison.

    Attributes:
        value: of the dimension; empty for responses without one.
        counts: its responses.
        figure: its score.
        difference: to all other responses together.
        stands_out: the difference is beyond chance, after Holm's correction where there are many groups. It says
            nothing about two groups of the list.
    """

    value: str
    counts: ScoreCounts
    figure: NpsFigure
    difference: Difference
    stands_out: bool


@dataclass(frozen=True)
class GroupComparison:
    """The groups of a dimension, those with most responses first.

    Attributes:
        rows: the groups that may be shown.
        hidden: groups about staff with few responses, and what would reveal them.
        disabled: groups about staff, while such figures are off.
        is_corrected: Holm's correction was applied.
    """

    rows: tuple[GroupFigure, ...]
    hidden: frozenset[str]
    disabled: frozenset[str]
    is_corrected: bool


@dataclass(frozen=True)
class PairComparison:
    """Two sets of different responses, such as two periods or two groups.

    Attributes:
        later, earlier: their responses.
        difference: of the scores.
        mix: how they were collected; true if that differs beyond chance.
    """

    later: ScoreCounts
    earlier: ScoreCounts
    difference: Difference
    mix: MixComparison


def compare_groups(
    session: Session, zone: tzinfo, teams: Mapping[str, Team], response_filter: ResponseFilter, dimension: str
) -> GroupComparison:
    """Return the groups of a dimension with their scores, each compared with all other responses together."""
    visible = protect_groups(session, teams, dimension, count_by_dimension(session, zone, response_filter, dimension))
    total = ScoreCounts()
    if dimension == TEAM:  # teams may overlap, and many responses have none
        total = count_scores(session, zone, response_filter)
    else:
        for counts in visible.groups.values():
            total += counts
    differences = {
        value: compute_difference(counts.figure(), (total - counts).figure())
        for value, counts in visible.groups.items()
    }
    is_corrected = len(differences) >= CORRECTED_FROM
    p_values = {
        value: difference.p_value
        for value, difference in differences.items()
        if difference.p_value is not None and not difference.too_small
    }
    if is_corrected:
        outstanding = find_significant(p_values)
    else:
        outstanding = frozenset(value for value in p_values if differences[value].is_beyond_noise)
    rows = [
        GroupFigure(value, counts, counts.figure(), differences[value], value in outstanding)
        for value, counts in sorted(visible.groups.items(), key=lambda item: (-item[1].responses, item[0]))
    ]
    return GroupComparison(tuple(rows), visible.hidden, visible.disabled, is_corrected)


def compare_pair(session: Session, zone: tzinfo, later: ResponseFilter, earlier: ResponseFilter) -> PairComparison:
    """Compare the responses of two filters that accept different responses: two periods, or two groups."""
    counts = [count_scores(session, zone, response_filter) for response_filter in (later, earlier)]
    ways = [
        {way: by_score.responses for way, by_score in count_by_dimension(session, zone, side, COLLECTED_BY).items()}
        for side in (later, earlier)
    ]
    difference = compute_difference(counts[0].figure(), counts[1].figure())
    return PairComparison(counts[0], counts[1], difference, compare_mix(*ways))
