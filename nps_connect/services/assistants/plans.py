"""Make a plan for a person to approve, and carry an approved plan out."""

from __future__ import annotations

from collections.abc import Mapping

from nps_connect.ledger.approvals import ApprovalRow
from nps_connect.ledger.audit_log import Actor
from nps_connect.records.api_requests import ApiModel
from nps_connect.records.api_results import ApiCaller, ApiProblem
from nps_connect.services.approvals.approvals import (
    PlanKind,
    PlanRefused,
    decide_plan,
    find_plan,
    lock_decisions,
    require_budget,
    require_open,
    store_plan,
)
from nps_connect.services.assistants.ask_people import ASK_PEOPLE
from nps_connect.services.assistants.pauses import PAUSE, RESUME
from nps_connect.services.assistants.plan_handler import PlanArguments, PlanHandler, PlannedEffect, digest
from nps_connect.services.assistants.retry_deliveries import RETRY_DELIVERIES
from nps_connect.services.context import Context

PLAN_HANDLERS: Mapping[PlanKind, PlanHandler] = {
    "ask_people": ASK_PEOPLE,
    "retry_deliveries": RETRY_DELIVERIES,
    "pause": PAUSE,
    "resume": RESUME,
}


PLAN_ID_LENGTH = 10
"""Hexadecimal digits: enough that no text can name a plan in advance; the id alone allows nothing."""


def make_plan(ctx: Context, caller: ApiCaller, kind: PlanKind, request: ApiModel) -> ApprovalRow:
    """Store what a request would do, for a person to approve; nothing else is written.

    Args:
        ctx: the application context.
        caller: the API key.
        kind: what is planned.
        request: the validated request.

    Raises:
        ApiProblem: the request names something that does not exist, or would do nothing.
        PlanRefused: too many people, or too many open plans.
    """
    handler = PLAN_HANDLERS[kind]
    with ctx.ledger.read() as session:
        arguments = handler.resolve(ctx, session, caller, request)
    with ctx.ledger.write() as session:
        effect = handler.foresee(ctx, session, arguments)
    if not effect.items and kind in ("ask_people", "retry_deliveries"):
        raise ApiProblem(409, "nothing-to-do", "the rules allow none of it: suppressed, opted out, or done already")
    settings, now = ctx.settings, ctx.clock()
    with ctx.ledger.write() as session:
        require_budget(
            session,
            len(effect.contacts),
            people_per_day=settings.assistants.people_per_day,
            now=now,
            zone=settings.core.zone,
        )
        return store_plan(
            session,
            public_id=ctx.new_public_id()[:PLAN_ID_LENGTH],
            kind=kind,
            plan={"arguments": arguments, "contacts": list(effect.contacts)},
            plan_hash=_plan_hash(kind, arguments, effect),
            people=len(effect.contacts),
            items=effect.items,
            planned_by=caller.name,
            now=now,
        )


def approve_plan(ctx: Context, plan_id: str, actor: Actor) -> str:
    """Carry a plan out, once, if it would still do what it said; return what was done.

    A process that dies between the approval and the execution leaves an approved plan without effect, never one that
    can be carried out twice.

    Args:
        ctx: the application context.
        plan_id: public id of the plan.
        actor: the person who approves it.

    Raises:
        PlanRefused: it was decided, has expired, would do something else by now, or exceeds the budget of the day.
    """
    settings, now = ctx.settings, ctx.clock()
    with ctx.ledger.read() as session:
        row = find_plan(session, plan_id)
        require_open(row, now)
        kind: PlanKind = row.kind  # type: ignore[assignment]  # as `make_plan` stored it
        handler, arguments = PLAN_HANDLERS[kind], row.plan.get("arguments")
    if arguments is None:
        raise PlanRefused(f"plan {plan_id} names a person who was erased since")
    try:
        with ctx.ledger.write() as session:
            effect = handler.foresee(ctx, session, arguments)
    except ApiProblem as problem:
        raise PlanRefused(problem.detail) from None
    if _plan_hash(kind, arguments, effect) != row.plan_hash:
        raise PlanRefused(f"plan {plan_id} would do something else by now; let the assistant make a new one")
    with ctx.ledger.write() as session:
        lock_decisions(session)
        require_budget(
            session, row.people, people_per_day=settings.assistants.people_per_day, now=now, zone=settings.core.zone
        )
        decide_plan(session, row, "approved", actor=actor, now=now)
    return handler.execute(ctx, arguments, actor)


def _plan_hash(kind: PlanKind, arguments: PlanArguments, effect: PlannedEffect) -> str:
    return digest(kind, arguments, list(effect.contacts), effect.items if kind != "pause" else None, effect.digest)
