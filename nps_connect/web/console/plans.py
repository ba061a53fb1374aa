"""Plans of AI assistants: nothing of them happens before an administrator approves it here or on the command line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from sqlalchemy import select
from sqlmodel import Session, col
from starlette.responses import Response

from nps_connect.ledger.approvals import ApprovalRow
from nps_connect.ledger.tables import ContactRow
from nps_connect.rendering.labels import readable_name
from nps_connect.services.approvals.approvals import PlanRefused, decide_plan, find_plan, plan_state
from nps_connect.services.assistants.plans import approve_plan
from nps_connect.web.console.access import AdminPage
from nps_connect.web.console.console_page import ConsolePage

PLANS_PER_PAGE = 50
MAX_PEOPLE_SHOWN = 200

router = APIRouter()


@router.get("/console/plans")
def list_plans(page: AdminPage) -> Response:
    """List the newest plans."""
    query = select(ApprovalRow).order_by(col(ApprovalRow.id).desc()).limit(PLANS_PER_PAGE)
    with page.ctx.ledger.read() as session:
        rows = session.execute(query).scalars().all()
    plans = [(row, _sentence(page, row), plan_state(row, page.now)) for row in rows]
    return page.render("plans.html.j2", area="plans", plans=plans)


@router.get("/console/plans/{plan_id}")
def show_plan(plan_id: str, page: AdminPage) -> Response:
    """Show what a plan would do, and whom it would reach."""
    return _render_plan(page, plan_id)


@router.post("/console/plans/{plan_id}/approve")
def approve(plan_id: str, page: AdminPage) -> Response:
    """Carry a plan out, if its number of people is typed correctly."""
    _ = page.gettext
    with page.ctx.ledger.read() as session:
        row = _find(session, plan_id)
    if row is None:
        return page.refuse()
    if page.form.get("people", "").strip() != str(row.people):
        return _render_plan(page, plan_id, "number")
    try:
        approve_plan(page.ctx, plan_id, page.actor)
    except PlanRefused:
        return _render_plan(page, plan_id, "changed")
    return page.redirect("/console/plans", _("The plan is approved and carried out."))


@router.post("/console/plans/{plan_id}/reject")
def reject(plan_id: str, page: AdminPage) -> Response:
    """Reject a plan."""
    _ = page.gettext
    try:
        with page.ctx.ledger.write() as session:
            row = _find(session, plan_id)
            if row is None:
                return page.refuse()
            decide_plan(session, row, "rejected", actor=page.actor, now=page.now)
    except PlanRefused:
        return _render_plan(page, plan_id, "changed")
    return page.redirect("/console/plans", _("The plan is rejected."))


def _find(session: Session, plan_id: str) -> ApprovalRow | None:
    try:
        return find_plan(session, plan_id)
    except PlanRefused:
        return None


def _render_plan(page: ConsolePage, plan_id: str, problem: str = "") -> Response:
    with page.ctx.ledger.read() as session:
        row = _find(session, plan_id)
        if row is None:
            return page.refuse()
        ids = row.plan.get("contacts", [])[:MAX_PEOPLE_SHOWN]
        query = select(ContactRow).where(col(ContactRow.id).in_(ids)).order_by(col(ContactRow.name))
        people = [contact.name or contact.email or contact.vendor_id for contact in session.execute(query).scalars()]
    return page.render(
        "plan.html.j2",
        422 if problem else 200,
        area="plans",
        plan=row,
        sentence=_sentence(page, row),
        state=plan_state(row, page.now),
        people=people,
        problem=problem,
    )


def _sentence(page: ConsolePage, row: ApprovalRow) -> str:
    """Return in one sentence what a plan would do."""
    _, arguments = page.gettext, row.plan.get("arguments", {})
    survey = readable_name(str(arguments.get("survey", "")))
    scope = _scope_name(_, str(arguments.get("scope", "")))
    sentences: dict[str, tuple[str, dict[str, Any]]] = {
        "ask_people": (_("Ask %(people)s people: survey %(survey)s"), {"people": row.people, "survey": survey}),
        "retry_deliveries": (_("Try %(items)s failed deliveries again"), {"items": row.items}),
        "pause": (_("Pause %(scope)s"), {"scope": scope}),
        "resume": (_("Resume %(scope)s"), {"scope": scope}),
    }
    text, values = sentences[row.kind]
    return text % values


def _scope_name(gettext: Callable[[str], str], scope: str) -> str:
    _ = gettext
    kind, _colon, name = scope.partition(":")
    texts = {"survey": _("the survey %(name)s"), "connection": _("the connection %(name)s")}
    return texts[kind] % {"name": readable_name(name)} if kind in texts else _("all mail to customers")
