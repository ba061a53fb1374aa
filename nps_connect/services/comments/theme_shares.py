"""How many of those who wrote a comment speak about a theme, among promoters and detractors, and how that moved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, case, func, select
from sqlmodel import Session, col

from nps_connect.ledger.comment_themes import CommentThemeRow
from nps_connect.ledger.tables import ResponseRow
from nps_connect.records.base import NPS_SCALE
from nps_connect.rules.nps_arithmetic import Difference, compute_share_difference
from nps_connect.services.contacts.store import confirmed_clause

Conditions = Sequence[ColumnElement[bool]]


@dataclass(frozen=True)
class ThemeShare:
    """A theme in the comments of a period.

    Attributes:
        theme: its id.
        comments: comments about it, of all segments.
        of_comments: comments whose themes were looked for.
        promoters, of_promoters: comments of promoters about it, and of how many.
        detractors, of_detractors: the same of detractors.
        movement: of the share in all comments, in percentage points since the earlier period; None without one.
        detractor_movement: the same among detractors.
    """

    theme: str
    comments: int
    of_comments: int
    promoters: int
    of_promoters: int
    detractors: int
    of_detractors: int
    movement: Difference | None = None
    detractor_movement: Difference | None = None


@dataclass(frozen=True)
class _Counts:
    by_theme: Counter[tuple[str, str]]
    by_segment: Counter[str]

    def of_theme(self, theme: str) -> int:
        return sum(count for (name, _), count in self.by_theme.items() if name == theme)


def load_theme_shares(session: Session, current: Conditions, earlier: Conditions | None = None) -> list[ThemeShare]:
    """Return the themes that occur, the most frequent first.

    Args:
        session: for reading.
        current: the conditions on `responses` of the period.
        earlier: those of the period to compare with; None means no comparison.
    """
    counts = _count(session, current)
    before = _count(session, earlier) if earlier is not None else None
    names = {theme for theme, _ in counts.by_theme} | ({theme for theme, _ in before.by_theme} if before else set())
    shares = [_share(theme, counts, before) for theme in names]
    return sorted(shares, key=lambda share: (-share.comments, share.theme))


def _share(theme: str, counts: _Counts, before: _Counts | None) -> ThemeShare:
    by_segment = counts.by_segment
    movement = detractor_movement = None
    if before is not None:
        later = counts.of_theme(theme), by_segment.total()
        movement = compute_share_difference(later, (before.of_theme(theme), before.by_segment.total()))
        detractor_movement = compute_share_difference(
            (counts.by_theme[theme, "detractor"], by_segment["detractor"]),
            (before.by_theme[theme, "detractor"], before.by_segment["detractor"]),
        )
    return ThemeShare(
        theme=theme,
        comments=counts.of_theme(theme),
        of_comments=by_segment.total(),
        promoters=counts.by_theme[theme, "promoter"],
        of_promoters=by_segment["promoter"],
        detractors=counts.by_theme[theme, "detractor"],
        of_detractors=by_segment["detractor"],
        movement=movement,
        detractor_movement=detractor_movement,
    )


def _count(session: Session, conditions: Conditions) -> _Counts:
    score = col(ResponseRow.score)
    segment = case((score >= 9, "promoter"), (score >= 7, "passive"), else_="detractor").label("segment")
    is_classified = col(ResponseRow.classified_by).is_not(None), col(ResponseRow.scale) == NPS_SCALE
    where = (confirmed_clause(), *is_classified, *conditions)
    totals = session.execute(select(segment, func.count()).where(*where).group_by(segment))
    of_themes = (
        select(col(CommentThemeRow.theme), segment, func.count())
        .join(ResponseRow, col(ResponseRow.id) == col(CommentThemeRow.response_id))
        .where(*where)
        .group_by(col(CommentThemeRow.theme), segment)
    )
    by_theme = Counter({(theme, name): count for theme, name, count in session.execute(of_themes)})
    return _Counts(by_theme, Counter({row[0]: row[1] for row in totals}))
