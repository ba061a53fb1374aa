"""Whether all mail to customers is paused, since when, and by whom: every page of the console says so."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select
from sqlmodel import Session, col

from nps_connect.ledger.audit_log import AuditRow
from nps_connect.ledger.pauses import MAIL_SCOPE, PauseRow
from nps_connect.ledger.state_dir import StateDir
from nps_connect.ledger.users import UserRow


class MailPause(NamedTuple):
    """The pause of all mail to customers.

    Attributes:
        since: when it began.
        reason: as given.
        paused_by: the name of who paused it; None if the audit log no longer says.
    """

    since: datetime
    reason: str
    paused_by: str | None


def load_mail_pause(session: Session, state_dir: StateDir | None) -> MailPause | None:
    """Return the pause of all mail to customers; None while mail goes out."""
    row = session.get(PauseRow, MAIL_SCOPE)
    if row is not None:
        return MailPause(row.since, row.reason, _load_actor(session))
    marker = state_dir.read_pause_marker() if state_dir is not None else None
    return None if marker is None else MailPause(marker.at, "", marker.user)


def _load_actor(session: Session) -> str | None:
    """Return who paused all mail last, a user by name: the pause itself and its record are one transaction."""
    is_pause = (col(AuditRow.command) == "pause") & (col(AuditRow.object) == MAIL_SCOPE)
    is_author = (col(AuditRow.actor_kind) == "console") & (col(UserRow.email) == col(AuditRow.actor_name))
    query = select(func.coalesce(col(UserRow.name), col(AuditRow.actor_name))).select_from(AuditRow)
    query = query.outerjoin(UserRow, is_author).where(is_pause).order_by(col(AuditRow.id).desc()).limit(1)
    actor: str | None = session.execute(query).scalar()
    return actor
