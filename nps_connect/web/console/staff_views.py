"""Figures about single employees and small teams: off until an administrator switches them on, with a reason."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from nps_connect.services.reports.staff_figures import load_staff_figures, switch_staff_figures
from nps_connect.web.console.access import AdminPage
from nps_connect.web.console.console_page import ConsolePage

MAX_REASON_LENGTH = 500
PATH = "/console/staff-figures"

router = APIRouter()


@router.get(PATH)
def show_decision(page: AdminPage) -> Response:
    """Show whether they are on, since when and why, and what the law asks before."""
    return _render(page)


@router.post(PATH)
def decide(page: AdminPage) -> Response:
    """Switch them on or off, which the audit log records with the reason."""
    _ = page.gettext
    is_enabled = page.form.get("enabled") == "1"
    reason = " ".join(page.form.get("reason", "").split())[:MAX_REASON_LENGTH]
    if not reason:
        return _render(page, "reason")
    if is_enabled and page.form.get("informed") != "1":
        return _render(page, "informed")
    with page.ctx.ledger.write() as session:
        switch_staff_figures(session, page.actor, enabled=is_enabled, reason=reason, now=page.now)
    message = _("Figures about staff are shown.") if is_enabled else _("Figures about staff are no longer shown.")
    return page.redirect(PATH, message)


def _render(page: ConsolePage, problem: str = "") -> Response:
    with page.ctx.ledger.read() as session:
        decision = load_staff_figures(session)
    return page.render(
        "staff-figures.html.j2",
        422 if problem else 200,
        area="staff-figures",
        decision=decision,
        is_enabled=decision is not None and decision.enabled,
        problem=problem,
    )
