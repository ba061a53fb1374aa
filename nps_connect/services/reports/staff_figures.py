"""Figures about members of staff: off until somebody takes responsibility, and never of few responses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Literal

from sqlmodel import Session

from nps_connect.ledger.audit_log import Actor, record_audit
from nps_connect.ledger.response_dimensions import TEAM
from nps_connect.ledger.staff_figures import StaffFiguresRow
from nps_connect.rules.dimensions import OWNER
from nps_connect.rules.score_counts import ScoreCounts
from nps_connect.rules.staff_privacy import SMALL_TEAM_MEMBERS, find_suppressed_groups
from nps_connect.services.reports.counts import count_by_dimension
from nps_connect.services.reports.filters import ResponseFilter
from nps_connect.settings.model import Team

LEGAL_NOTICE = (
    "Figures about single employees are personal data of employees. Before you switch them on, tell each of them what "
    "is measured and why, and what it is used for. In France, consult the works council (CSE) first, and inform each "
    "employee individually (Code du travail L1222-3, L1222-4 and L2312-38)."
)

_ONLY_ROW = 1


@dataclass(frozen=True)
class VisibleGroups:
    """The groups of a figure that may be shown.

    Attributes:
        groups: counts by group.
        hidden: groups whose numbers are not shown, because few responses would point at somebody.
        disabled: groups about staff that are not shown because such figures are off.
    """

    groups: Mapping[str, ScoreCounts]
    hidden: frozenset[str] = frozenset()
    disabled: frozenset[str] = frozenset()


def load_staff_figures(session: Session) -> StaffFiguresRow | None:
    """Return the newest decision about figures of staff; None before the first, which means off."""
    return session.get(StaffFiguresRow, _ONLY_ROW)


def switch_staff_figures(session: Session, actor: Actor, *, enabled: bool, reason: str, now: datetime) -> None:
    """Show figures about staff, or no longer; recorded in the audit log with the reason."""
    session.merge(StaffFiguresRow(id=_ONLY_ROW, enabled=enabled, reason=reason, since=now))
    command = "staff figures on" if enabled else "staff figures off"
    record_audit(session, actor, command, "staff_figures", reason=reason, now=now)


def find_staff_groups(teams: Mapping[str, Team], dimension: str, names: Mapping[str, object]) -> frozenset[str]:
    """Return the groups of a dimension that are about staff: each owner, and teams with fewer than three members."""
    if dimension == OWNER:
        return frozenset(names)
    if dimension != TEAM:
        return frozenset()
    return frozenset(name for name in names if name not in teams or len(teams[name].members) < SMALL_TEAM_MEMBERS)


def protect_groups(
    session: Session, teams: Mapping[str, Team], dimension: str, groups: Mapping[str, ScoreCounts]
) -> VisibleGroups:
    """Return the groups that may be shown; every figure by dimension passes through this function.

    Groups of customers are all shown.
    """
    staff = find_staff_groups(teams, dimension, groups)
    if not staff:
        return VisibleGroups(groups)
    decision = load_staff_figures(session)
    if decision is None or not decision.enabled:
        shown = {} if dimension == OWNER else {name: counts for name, counts in groups.items() if name not in staff}
        return VisibleGroups(shown, disabled=staff)
    hidden = find_suppressed_groups({name: counts.responses for name, counts in groups.items()}, staff)
    return VisibleGroups({name: counts for name, counts in groups.items() if name not in hidden}, hidden)


def find_staff_block(
    session: Session, zone: tzinfo, teams: Mapping[str, Team], response_filter: ResponseFilter
) -> Literal["off", "too_few"] | None:
    """Return why the figures of a filter must not be shown; None if they may.

    A filter by owner or by a small team is judged as its group would be in a comparison of all groups.
    """
    for dimension in (OWNER, TEAM):
        value = response_filter.groups.get(dimension)
        if value is None or not find_staff_groups(teams, dimension, {value: None}):
            continue
        groups = count_by_dimension(session, zone, response_filter.with_group(dimension, None), dimension)
        visible = protect_groups(session, teams, dimension, {value: ScoreCounts(), **groups})
        if value in visible.disabled:
            return "off"
        if value in visible.hidden:
            return "too_few"
    return None
