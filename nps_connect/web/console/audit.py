"""What staff did, newest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fastapi import APIRouter
from sqlalchemy import select
from sqlmodel import Session, col
from starlette.responses import Response

from nps_connect.ledger.audit_log import AuditRow
from nps_connect.ledger.pauses import MAIL_SCOPE
from nps_connect.ledger.users import UserRow
from nps_connect.web.console.access import AdminPage
from nps_connect.web.console.console_page import ConsolePage
from nps_connect.web.console.navigation import N_

ENTRIES_PER_PAGE = 50
USER_OBJECT = "user:"

COMMAND_LABELS = {
    "sign-in": N_("signed in"),
    "password": N_("chose a password"),
    "users add": N_("gave access"),
    "users role": N_("changed the role"),
    "users lock": N_("locked the access"),
    "users unlock": N_("unlocked the access"),
    "users reset": N_("made the password void"),
    "users remove": N_("removed the access"),
    "pause": N_("paused"),
    "resume": N_("resumed"),
    "staff figures on": N_("switched on"),
    "staff figures off": N_("switched off"),
    "approvals approve": N_("approved a plan"),
    "approvals reject": N_("rejected a plan"),
}
"""What the commands of the console do, in English; other commands are shown as on the command line."""

router = APIRouter()


class AuditEntry(NamedTuple):
    """One entry as the page shows it.

    Attributes:
        row: as stored.
        action: what was done.
        target: what was changed: a user by name, everything else as stored.
    """

    row: AuditRow
    action: str
    target: str


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
        rows = session.execute(query).scalars().all()
        names = _load_names(session, rows)
    entries = [_entry(page, row, names) for row in rows[:ENTRIES_PER_PAGE]]
    has_older = len(rows) > ENTRIES_PER_PAGE
    return page.render("audit.html.j2", area="audit", entries=entries, has_older=has_older, by=by)


def _load_names(session: Session, rows: Sequence[AuditRow]) -> dict[str, str]:
    """Return the names of the users that entries are about, by public id."""
    ids = {_user_id(row) for row in rows if row.object.startswith(USER_OBJECT)}
    query = select(col(UserRow.public_id), col(UserRow.name)).where(col(UserRow.public_id).in_(ids))
    return {row.public_id: row.name for row in session.execute(query)} if ids else {}


def _user_id(row: AuditRow) -> str:
    return row.object.removeprefix(USER_OBJECT).partition(",")[0]


def _entry(page: ConsolePage, row: AuditRow, names: Mapping[str, str]) -> AuditEntry:
    _ = page.gettext
    action = _(COMMAND_LABELS[row.command]) if row.command in COMMAND_LABELS else row.command
    if row.object.startswith(USER_OBJECT):
        return AuditEntry(row, action, names.get(_user_id(row)) or _("a user removed since"))
    texts = {MAIL_SCOPE: _("all mail to customers"), "staff_figures": _("figures about staff")}
    return AuditEntry(row, action, texts.get(row.object, row.object))
