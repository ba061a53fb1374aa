"""Evaluate the fixes of problems: each one once, when its days are complete."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger.problems import ProblemRow
from nps_connect.rules.nps_arithmetic import Difference, compute_nps
from nps_connect.rules.problem_effect import FixEffect, ScoreComparison, ShareComparison, judge_score, judge_share
from nps_connect.rules.timing import local_date
from nps_connect.services.context import Context
from nps_connect.services.problems.count_periods import count_choice, count_scores_compared, count_theme
from nps_connect.settings.model import Settings

Comparison = ScoreComparison | ShareComparison


def evaluate_due_problems(ctx: Context) -> int:
    """Evaluate every problem whose days after the fix are over; return their number.

    Figures are counted before the write transaction: a million responses take seconds.
    """
    today = local_date(ctx.clock(), ctx.settings.core.zone)
    is_due = col(ProblemRow.evaluated_at).is_(None) & col(ProblemRow.closed_at).is_(None)
    with ctx.ledger.read() as session:
        due = select(ProblemRow).where(is_due, col(ProblemRow.due_on) <= today).order_by(col(ProblemRow.id))
        evaluations = {row.id: _evaluate(session, ctx.settings, row) for row in session.execute(due).scalars().all()}
    with ctx.ledger.write() as session:
        for problem_id, evaluation in evaluations.items():
            _store(session, problem_id, evaluation, ctx.clock())
    return len(evaluations)


def _evaluate(session: Session, settings: Settings, row: ProblemRow) -> dict[str, Any]:
    if row.cause_kind == "group":
        return build_evaluation(count_scores_compared(session, settings, row))
    count_named = count_theme if row.cause_kind == "theme" else count_choice
    return build_evaluation(count_named(session, settings, row))


def build_evaluation(comparison: Comparison) -> dict[str, Any]:
    """Return verdict, differences and counts of a comparison, JSON-ready."""
    if isinstance(comparison, ShareComparison):
        return {**asdict(judge_share(comparison)), "counts": comparison._asdict()}
    counts = {
        name: [figure.promoters, figure.passives, figure.detractors] for name, figure in comparison._asdict().items()
    }
    return {**asdict(judge_score(comparison)), "counts": counts}


def _store(session: Session, problem_id: int | None, evaluation: dict[str, Any], now: datetime) -> None:
    row = session.get(ProblemRow, problem_id, with_for_update=True)
    if row is not None and row.evaluated_at is None and row.closed_at is None:
        row.evaluation, row.evaluated_at = evaluation, now
        session.add(row)


def load_effect(evaluation: dict[str, Any]) -> tuple[FixEffect, Comparison]:
    """Return the verdict of a stored evaluation, and the figures that it compared."""
    counts = evaluation["counts"]
    comparison: Comparison
    if "named_after" in counts:
        comparison = ShareComparison(**counts)
    else:
        comparison = ScoreComparison(**{name: compute_nps(*split) for name, split in counts.items()})
    concerned, others = (
        None if evaluation[name] is None else Difference(**evaluation[name]) for name in ("concerned", "others")
    )
    return FixEffect(evaluation["verdict"], Difference(**evaluation["difference"]), concerned, others), comparison
