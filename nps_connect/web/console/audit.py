"""What staff did, newest first."""

from __future__ import annotations

from fastapi import APIRouter
from sqlalchemy import select
from sqlmodel import col
from starlette.responses import Response

from nps_connect.ledger.audit_log import AuditRow
from nps_connect.web.console.access import AdminPage

ENTRIES_PER_PAGE = 50

router = APIRouter()


@router.get("/console/audit")
def list_entries(page: AdminPage) -> Response:
    """Show the audit log."""
    before, by = page.query.get("before", ""), page.query.get("by", "").strip()
    query = select(AuditRow).order_by(col(AuditRow.id).desc()).limit(ENTRIES_PER_PAGE + 1)
    if before.isdecimal():
        query = query.where(col(AuditRow.id) < min(int(before[:18]), 2**62))
    if by:
        query = query.where(col(AuditRow.actor_name) == by)
    with page.ctx.ledger.read() as session:
        entries = session.execute(query).scalars().all()
    has_older = len(entries) > ENTRIES_PER_PAGE
    return page.render("audit.html.j2", area="audit", entries=entries[:ENTRIES_PER_PAGE], has_older=has_older, by=by)
