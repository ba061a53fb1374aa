"""The report by groups, each compared with the period before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import tzinfo

from sqlmodel import Session

from nps_connect.rules.holm import CORRECTED_FROM, find_significant
from nps_connect.rules.mix import MixComparison, compare_mix
from nps_connect.rules.nps_arithmetic import Difference, NpsFigure, compute_difference
from nps_connect.rules.score_counts import ScoreCounts
from nps_connect.services.reports.comparisons import COLLECTED_BY
from nps_connect.services.reports.counts import count_by_dimension, count_scores
from nps_connect.services.reports.filters import ResponseFilter
from nps_connect.services.reports.staff_figures import protect_groups
from nps_connect.settings.model import Team


@dataclass(frozen=True)
class ReportRow:
    """One group of a report.

    Attributes:
        group: value of the dimension; empty for responses without one, None for all responses.
        figure: its score.
        earlier: its score in the period before; None without a comparison.
        difference: between both.
        has_changed: the difference is beyond chance, after Holm's correction where there are many groups.
    """

    group: str | None
    figure: NpsFigure
    earlier: NpsFigure | None = None
    difference: Difference | None = None
    has_changed: bool = False


@dataclass(frozen=True)
class GroupReport:
    """A report by groups.

    Attributes:
        rows: the groups, those with most responses first.
        total: all responses.
        hidden: groups about staff that are not shown, because they have few responses or such figures are off.
        mix: how the responses of both periods were collected; None without a comparison.
    """

    rows: tuple[ReportRow, ...]
    total: ReportRow
    hidden: tuple[str, ...]
    mix: MixComparison | None


def build_group_report(
    session: Session,
    zone: tzinfo,
    teams: Mapping[str, Team],
    response_filter: ResponseFilter,
    dimension: str | None,
    earlier: ResponseFilter | None,
) -> GroupReport:
    """Return the score of each group, and how far it lies from that of an earlier filter.

    Args:
        session: to read with.
        zone: of the company.
        teams: of the configuration.
        response_filter: which responses count.
        dimension: the groups; None for all responses only.
        earlier: the filter of the period before; None without a comparison.
    """
    groups: Mapping[str, ScoreCounts] = {}
    hidden: frozenset[str] = frozenset()
    before: Mapping[str, ScoreCounts] = {}
    if dimension is not None:
        visible = protect_groups(
            session, teams, dimension, count_by_dimension(session, zone, response_filter, dimension)
        )
        groups, hidden = visible.groups, visible.hidden | visible.disabled
        if earlier is not None:
            shown = protect_groups(session, teams, dimension, count_by_dimension(session, zone, earlier, dimension))
            before, hidden = shown.groups, hidden | shown.hidden | shown.disabled
    total = count_scores(session, zone, response_filter)
    total_before = count_scores(session, zone, earlier) if earlier is not None else None
    rows = [
        _build_row(name, counts, before.get(name, ScoreCounts()) if earlier is not None else None)
        for name, counts in groups.items()
        if name not in hidden
    ]
    rows.sort(key=lambda row: (-row.figure.responses, row.group or ""))
    mix = None
    if earlier is not None:
        ways = [count_by_dimension(session, zone, side, COLLECTED_BY) for side in (response_filter, earlier)]
        mix = compare_mix(*({way: counts.responses for way, counts in side.items()} for side in ways))
    return GroupReport(_judge(rows), _judge([_build_row(None, total, total_before)])[0], tuple(sorted(hidden)), mix)


def _build_row(group: str | None, counts: ScoreCounts, earlier: ScoreCounts | None) -> ReportRow:
    figure = counts.figure()
    if earlier is None:
        return ReportRow(group, figure)
    return ReportRow(group, figure, earlier.figure(), compute_difference(figure, earlier.figure()))


def _judge(rows: list[ReportRow]) -> tuple[ReportRow, ...]:
    """Say which rows have changed: each at 5 %, and many together at 5 %."""
    differences = {
        index: row.difference
        for index, row in enumerate(rows)
        if row.difference is not None and row.difference.p_value is not None and not row.difference.too_small
    }
    if len(rows) >= CORRECTED_FROM:
        changed = find_significant({index: item.p_value or 0.0 for index, item in differences.items()})
    else:
        changed = frozenset(index for index, item in differences.items() if item.is_beyond_noise)
    return tuple(replace(row, has_changed=index in changed) for index, row in enumerate(rows))
