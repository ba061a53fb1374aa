"""Store plans, list them, and let a person decide on each of them once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any, Literal, get_args

from sqlalchemy import delete, func, select, update
from sqlmodel import Session, col

from nps_connect.errors import NpsConnectError
from nps_connect.ledger.approvals import ApprovalRow
from nps_connect.ledger.audit_log import Actor, record_audit
from nps_connect.ledger.claims import advisory_lock
from nps_connect.rules.timing import local_date, utc_at
from nps_connect.services.context import Context

PlanKind = Literal["ask_people", "retry_deliveries", "pause", "resume"]
"""What an assistant can plan."""

PLAN_KINDS: tuple[PlanKind, ...] = get_args(PlanKind)

PLAN_LIFETIME = timedelta(minutes=15)
MAX_OPEN_PLANS = 10
"""Of one API key: an assistant cannot fill the table, or the screen of the person who decides."""

_STATE_TEXTS = {"expired": "has expired", "approved": "was approved", "rejected": "was rejected"}

DecisionState = Literal["approved", "rejected"]


class PlanRefused(NpsConnectError):
    """A plan that cannot be stored or decided."""


def store_plan(
    session: Session,
    *,
    public_id: str,
    kind: PlanKind,
    plan: dict[str, Any],
    plan_hash: str,
    people: int,
    items: int,
    planned_by: str,
    now: datetime,
) -> ApprovalRow:
    """Store a plan and return it; the same plan that is still open is returned instead.

    Raises:
        PlanRefused: the key has too many open plans.
    """
    advisory_lock(session, f"approvals {planned_by}")
    open_plans = list_plans(session, now, planned_by=planned_by)
    for row in open_plans:
        if row.plan_hash == plan_hash:
            return row
    if len(open_plans) >= MAX_OPEN_PLANS:
        raise PlanRefused(f"{MAX_OPEN_PLANS} plans of this key wait for a person already; wait until they are decided")
    row = ApprovalRow(
        public_id=public_id,
        kind=kind,
        plan=plan,
        plan_hash=plan_hash,
        people=people,
        items=items,
        planned_by=planned_by,
        state="open",
        created_at=now,
        expires_at=now + PLAN_LIFETIME,
    )
    session.add(row)
    session.flush()
    return row


def list_plans(session: Session, now: datetime, *, planned_by: str) -> Sequence[ApprovalRow]:
    """Return the open plans of a key that have not expired, oldest first."""
    is_open = (col(ApprovalRow.state) == "open") & (col(ApprovalRow.expires_at) > now)
    query = select(ApprovalRow).where(is_open, col(ApprovalRow.planned_by) == planned_by)
    return session.execute(query.order_by(col(ApprovalRow.id))).scalars().all()


def plan_state(row: ApprovalRow, now: datetime) -> str:
    """Return the state of a plan: open, expired, approved or rejected."""
    return "expired" if row.state == "open" and row.expires_at <= now else row.state


def find_plan(session: Session, plan_id: str) -> ApprovalRow:
    """Return a plan.

    Raises:
        PlanRefused: there is no such plan.
    """
    query = select(ApprovalRow).where(col(ApprovalRow.public_id) == plan_id)
    row: ApprovalRow | None = session.execute(query).scalars().first()
    if row is None:
        raise PlanRefused(f"there is no plan {plan_id!r}; see: nps-connect approvals list")
    return row


def require_open(row: ApprovalRow, now: datetime) -> None:
    """Refuse a plan on which nobody can decide any more.

    Raises:
        PlanRefused: it was decided or has expired.
    """
    state = plan_state(row, now)
    if state != "open":
        at = "" if row.decided_at is None else f" at {row.decided_at:%Y-%m-%d %H:%M} UTC"
        raise PlanRefused(f"plan {row.public_id} {_STATE_TEXTS[state]}{at}; a plan is decided once, within 15 minutes")


def count_people_reached(session: Session, now: datetime, zone: tzinfo) -> int:
    """Return how many people the plans that were approved today reach."""
    midnight = utc_at(local_date(now, zone), datetime.min.time(), zone)
    is_of_today = (col(ApprovalRow.state) == "approved") & (col(ApprovalRow.decided_at) >= midnight)
    query = select(func.coalesce(func.sum(col(ApprovalRow.people)), 0)).where(is_of_today)
    return int(session.execute(query).scalar_one())


def require_budget(session: Session, people: int, *, people_per_day: int, now: datetime, zone: tzinfo) -> None:
    """Refuse a plan that would exceed the people whom plans may reach in a day.

    Raises:
        PlanRefused: it would; names the setting.
    """
    reached = count_people_reached(session, now, zone)
    if people and reached + people > people_per_day:
        raise PlanRefused(
            f"this plan reaches {people} people, and approved plans reach {reached} today; "
            f"assistants.people_per_day is {people_per_day}"
        )


def decide_plan(session: Session, row: ApprovalRow, state: DecisionState, *, actor: Actor, now: datetime) -> None:
    """Approve or reject an open plan, once, and record both who planned and who decided in the audit log.

    Raises:
        PlanRefused: it was decided or has expired.
    """
    require_open(row, now)
    is_open = (col(ApprovalRow.state) == "open") & (col(ApprovalRow.expires_at) > now)
    statement = (
        update(ApprovalRow)
        .where(col(ApprovalRow.id) == row.id, is_open)
        .values(state=state, decided_at=now, decided_by=actor.name[:100])
        .returning(col(ApprovalRow.id))
        .execution_options(synchronize_session=False)
    )
    if session.execute(statement).first() is None:
        raise PlanRefused(f"plan {row.public_id} was decided by somebody else just now")
    command = "approvals approve" if state == "approved" else "approvals reject"
    record_audit(session, actor, command, f"plan:{row.public_id}, {row.kind}, planned by api:{row.planned_by}", now=now)


def lock_decisions(session: Session) -> None:
    """Serialise the decisions on plans, so that two at a time cannot exceed the budget."""
    advisory_lock(session, "approvals decide")


def delete_old_plans(ctx: Context) -> None:
    """Delete plans as old as attempts of deliveries may become. A key makes few: one statement does it."""
    before = ctx.clock() - ctx.settings.retention.attempts
    statement = delete(ApprovalRow).where(col(ApprovalRow.created_at) < before)
    with ctx.ledger.write() as session:
        session.execute(statement, execution_options={"synchronize_session": False})
