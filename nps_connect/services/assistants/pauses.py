"""The plans to pause and to resume, as `pause` and `resume` do."""

from __future__ import annotations

from functools import partial

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger import pauses
from nps_connect.ledger.audit_log import Actor
from nps_connect.ledger.tables import DeliveryRow
from nps_connect.records.api_results import ApiCaller, ApiProblem
from nps_connect.records.assistant_requests import PauseRequest
from nps_connect.services.api.people import require_connection, require_survey
from nps_connect.services.assistants.plan_handler import PlanArguments, PlanHandler, PlannedEffect, digest
from nps_connect.services.context import Context
from nps_connect.services.operations.operator_pauses import adopt_pause_marker, set_paused
from nps_connect.services.operations.waiting_deliveries import customer_mail_clause, waiting_clause

REASON = "planned by an assistant and approved by the operator"
MAX_WAITING = 10_000
"""More waiting deliveries than a plan can describe: resume on the command line."""


def _resolve(
    ctx: Context, session: Session, _caller: ApiCaller, request: PauseRequest, *, resumes: bool
) -> PlanArguments:
    if request.connection is not None:
        require_connection(ctx, request.connection)
        scope = pauses.connection_scope(request.connection)
    elif request.survey is not None:
        require_survey(ctx, request.survey)
        scope = pauses.survey_scope(request.survey)
    else:
        scope = pauses.MAIL_SCOPE
    pause = pauses.load_pauses(session).get(scope)
    if (pause is not None) != resumes:
        raise ApiProblem(409, "nothing-to-do", "it is not paused" if resumes else "it is paused already")
    if pause is not None and pause.cause == "bounces":
        raise ApiProblem(409, "bounces", "so many mails bounced that a person has to decide: nps-connect bounces")
    return {"scope": scope}


def _foresee_pause(ctx: Context, session: Session, arguments: PlanArguments) -> PlannedEffect:
    scope = arguments["scope"]
    is_paused = scope in pauses.load_pauses(session)
    waiting = select(col(DeliveryRow.id)).where(waiting_clause(scope, ctx.actions)).limit(MAX_WAITING)
    return PlannedEffect((), len(session.execute(waiting).all()), digest("pause", scope, is_paused))


def _foresee_resume(ctx: Context, session: Session, arguments: PlanArguments) -> PlannedEffect:
    scope = arguments["scope"]
    pause = pauses.load_pauses(session).get(scope)
    is_waiting = waiting_clause(scope, ctx.actions)
    columns = col(DeliveryRow.id), col(DeliveryRow.contact_id), customer_mail_clause(ctx.actions)
    rows = session.execute(
        select(*columns).where(is_waiting).order_by(col(DeliveryRow.id)).limit(MAX_WAITING + 1)
    ).all()
    if len(rows) > MAX_WAITING:
        raise ApiProblem(409, "too-many", f"more than {MAX_WAITING} deliveries wait: use nps-connect resume")
    contacts = {contact_id for _, contact_id, is_mail in rows if is_mail and contact_id}
    since = None if pause is None else (pause.cause, pause.since.isoformat())
    return PlannedEffect(tuple(sorted(contacts)), len(rows), digest("resume", scope, since, [row[0] for row in rows]))


def _execute_pause(ctx: Context, arguments: PlanArguments, actor: Actor) -> str:
    changed = set_paused(ctx.ledger, ctx.state_dir, arguments["scope"], REASON, actor, ctx.clock())
    return f"{arguments['scope']} is now paused" if changed else f"{arguments['scope']} was already paused"


def _execute_resume(ctx: Context, arguments: PlanArguments, actor: Actor) -> str:
    adopt_pause_marker(ctx.ledger, ctx.state_dir, ctx.clock())
    changed = set_paused(ctx.ledger, ctx.state_dir, arguments["scope"], None, actor, ctx.clock())
    return f"{arguments['scope']} resumed" if changed else f"{arguments['scope']} was not paused"


PAUSE = PlanHandler(partial(_resolve, resumes=False), _foresee_pause, _execute_pause)
RESUME = PlanHandler(partial(_resolve, resumes=True), _foresee_resume, _execute_resume)
