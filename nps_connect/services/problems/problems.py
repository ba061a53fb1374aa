"""Open problems, enter their fixes and close them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Literal

from sqlalchemy import select, update
from sqlmodel import Session, col

from nps_connect.ledger.audit_log import Actor, record_audit
from nps_connect.ledger.problems import ProblemRow
from nps_connect.rules.problem_effect import DaySpan, EvaluationPlan, plan_evaluation
from nps_connect.rules.timing import local_date
from nps_connect.services.context import Context
from nps_connect.services.problems.causes import CauseKind, check_cause
from nps_connect.services.problems.concerned import check_concerned
from nps_connect.services.problems.refusals import ProblemRefused
from nps_connect.settings.model import Settings

ProblemState = Literal["open", "overdue", "fixed", "evaluated", "closed"]
"""`fixed`: its evaluation is not yet due; `overdue`: open after its deadline."""

EVIDENCE_DAYS = 28
"""Days before the opening whose figures led to the problem, if nothing else is said."""

PERIOD_DAYS = 84
MIN_PERIOD_DAYS, MAX_PERIOD_DAYS = 14, 366
MAX_FIX_DISTANCE = timedelta(days=366)
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class NewProblem:
    """What a member of staff says about a problem.

    Attributes:
        title: what is wrong.
        owner: who looks after it.
        deadline: until when it is to be fixed.
        cause_kind, cause, concerned: see `ProblemRow`.
        evidence_first: first of the days whose figures led to the problem; the last is the day on which it is opened.
        note: further details.
    """

    title: str
    owner: str
    deadline: date
    cause_kind: CauseKind = "group"
    cause: Mapping[str, str] = field(default_factory=dict)
    concerned: Mapping[str, str] = field(default_factory=dict)
    evidence_first: date | None = None
    note: str | None = None


def open_problem(session: Session, settings: Settings, new: NewProblem, *, actor: Actor, now: datetime) -> ProblemRow:
    """Store a problem and return it.

    Raises:
        ProblemRefused: something is missing, or those concerned cannot be told by facts known before the answer.
    """
    today = local_date(now, settings.core.zone)
    evidence_first = new.evidence_first or today - (EVIDENCE_DAYS - 1) * _DAY
    if not new.title.strip():
        raise ProblemRefused("no_title")
    if not new.owner.strip():
        raise ProblemRefused("no_owner")
    if new.deadline < today:
        raise ProblemRefused("past_deadline")
    if evidence_first > today:
        raise ProblemRefused("future_evidence")
    cause = check_cause(session, settings, new.cause_kind, new.cause)
    row = ProblemRow(
        title=new.title.strip()[:120],
        note=(new.note or "").strip() or None,
        cause_kind=new.cause_kind,
        cause=cause,
        concerned=check_concerned(settings, new.concerned, needs_group=new.cause_kind == "group"),
        owner=new.owner.strip()[:200],
        deadline=new.deadline,
        evidence_first=evidence_first,
        evidence_last=today,
        opened_at=now,
        opened_by=actor.name[:100],
    )
    session.add(row)
    session.flush()
    record_audit(session, actor, "problems open", f"problem:{row.id}", now=now)
    return row


def list_problems(session: Session, *, team: str | None = None, limit: int = 200) -> list[ProblemRow]:
    """Return problems, those that are not closed first, then the newest.

    Args:
        session: for reading.
        team: only those that concern this team.
        limit: maximum number.
    """
    order = col(ProblemRow.closed_at).is_not(None), col(ProblemRow.id).desc()
    rows = session.execute(select(ProblemRow).order_by(*order)).scalars()
    return list(islice((row for row in rows if team in (None, row.concerned.get("team"))), limit))


def find_problem(session: Session, problem_id: int) -> ProblemRow:
    """Return a problem.

    Raises:
        ProblemRefused: there is none with this number.
    """
    row = session.get(ProblemRow, problem_id)
    if row is None:
        raise ProblemRefused("unknown_problem", number=str(problem_id))
    return row


def enter_fix(
    session: Session,
    settings: Settings,
    row: ProblemRow,
    *,
    fixed_on: date,
    days: int = PERIOD_DAYS,
    note: str | None = None,
    actor: Actor,
    now: datetime,
) -> EvaluationPlan:
    """Enter when a problem was fixed, and plan its evaluation; the plan can be changed until its first day begins.

    Args:
        session: the transaction.
        settings: the configuration.
        row: the problem.
        fixed_on: when the fix took effect, or will.
        days: how many days are compared before and after.
        note: what was changed.
        actor: who enters it.
        now: the present moment.

    Raises:
        ProblemRefused: the problem is closed, figures after the fix may have been seen, or the days cannot be compared.
    """
    today = local_date(now, settings.core.zone)
    if row.closed_at is not None:
        raise ProblemRefused("closed")
    if row.after_first is not None and today >= row.after_first:
        raise ProblemRefused("fix_entered")
    if fixed_on < row.evidence_first:
        raise ProblemRefused("fix_before_opening")
    if fixed_on > today + MAX_FIX_DISTANCE:
        raise ProblemRefused("far_fix")
    if not MIN_PERIOD_DAYS <= days <= MAX_PERIOD_DAYS:
        raise ProblemRefused("period_length", least=str(MIN_PERIOD_DAYS), most=str(MAX_PERIOD_DAYS))
    evidence = DaySpan(row.evidence_first, row.evidence_last)
    plan = plan_evaluation(fixed_on=fixed_on, entered_on=today, evidence=evidence, days=days)
    texts_since = plan.due_on - settings.retention.comments
    if row.cause_kind != "group" and plan.before[0].first < texts_since:
        raise ProblemRefused("texts_deleted", days=str(settings.retention.comments.days))
    row.fixed_on, row.fix_note = fixed_on, (note or "").strip() or None
    row.fix_entered_at, row.fix_entered_by = now, actor.name[:100]
    row.before = [[span.first.isoformat(), span.last.isoformat()] for span in plan.before]
    row.after_first, row.after_last, row.due_on = plan.after.first, plan.after.last, plan.due_on
    session.add(row)
    record_audit(session, actor, "problems fix", f"problem:{row.id}, {fixed_on.isoformat()}, {days} days", now=now)
    return plan


def close_problem(session: Session, row: ProblemRow, *, actor: Actor, now: datetime, reason: str | None) -> None:
    """Close a problem; an evaluation that is not yet due never takes place.

    Raises:
        ProblemRefused: it is closed.
    """
    if row.closed_at is not None:
        raise ProblemRefused("closed")
    row.closed_at, row.closed_by = now, actor.name[:100]
    session.add(row)
    record_audit(session, actor, "problems close", f"problem:{row.id}", now=now, reason=reason)


def problem_state(row: ProblemRow, today: date) -> ProblemState:
    """Return the state of a problem on a day of the company's zone."""
    if row.closed_at is not None:
        return "closed"
    if row.evaluated_at is not None:
        return "evaluated"
    if row.fixed_on is not None:
        return "fixed"
    return "overdue" if row.deadline < today else "open"


def empty_old_notes(ctx: Context) -> None:
    """Delete the notes of problems that were closed as long ago as comments are kept; title and verdict stay."""
    before = ctx.clock() - ctx.settings.retention.comments
    statement = update(ProblemRow).where(col(ProblemRow.closed_at) < before).values(note=None, fix_note=None)
    with ctx.ledger.write() as session:
        session.execute(statement, execution_options={"synchronize_session": False})
