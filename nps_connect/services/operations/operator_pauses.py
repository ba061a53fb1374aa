"""Pauses that an operator sets: in the database, and in the state directory, so that a restore does not end them."""

from __future__ import annotations

import logging
from datetime import datetime

from sqlmodel import Session

from nps_connect.ledger import pauses
from nps_connect.ledger.audit_log import Actor, record_audit
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.state_dir import StateDir
from nps_connect.records.findings import Finding

log = logging.getLogger(__name__)

MARKER_REASON = "paused by the operator while the database could not be written"


def set_paused(
    ledger: Ledger, state_dir: StateDir | None, scope: str, reason: str | None, actor: Actor, now: datetime
) -> bool:
    """Pause a scope, or resume it if the reason is None; return whether its state changed, which is then audited.

    Args:
        ledger: the database.
        state_dir: the state directory of this host; None where the configuration names none.
        scope: what to pause, see `ledger.pauses`.
        reason: as given.
        actor: who does it.
        now: the present moment.

    Raises:
        NpsConnectError: it is done, but the state directory cannot be written.
    """
    with ledger.write() as session:
        changed = _resume(session, scope) if reason is None else _pause(session, scope, reason, now)
        if changed:
            record_audit(session, actor, "resume" if reason is None else "pause", scope, now=now, reason=reason)
    if state_dir is not None and scope not in pauses.RESTORE_SCOPES:
        state_dir.record_pause(scope, reason)
    return changed


def adopt_pause_marker(ledger: Ledger, state_dir: StateDir | None, now: datetime) -> bool:
    """Turn the pause marker of this host into a pause of all customer mail; return whether there was one.

    Raises:
        NpsConnectError: the state directory cannot be written; mail stays paused.
    """
    marker = state_dir.read_pause_marker() if state_dir is not None else None
    if state_dir is None or marker is None:
        return False
    actor, set_at = Actor("cli", marker.user), min(marker.at, now)
    set_paused(ledger, state_dir, pauses.MAIL_SCOPE, MARKER_REASON, actor, set_at)
    state_dir.delete_pause_marker()
    log.info("pause_marker_adopted scope=%s set_at=%s", pauses.MAIL_SCOPE, set_at.isoformat(timespec="seconds"))
    return True


def marker_findings(state_dir: StateDir | None) -> list[Finding]:
    """Return that the customer mail of this host is paused by its pause marker, if it is."""
    marker = state_dir.read_pause_marker() if state_dir is not None else None
    if state_dir is None or marker is None:
        return []
    text = f"customer mail of this host is paused by the file {state_dir.pause_marker_file}, set by {marker.user}"
    return [Finding(id="paused", severity="warning", text=text, fix=f"nps-connect resume {pauses.MAIL_SCOPE}")]


def restore_pauses(session: Session, state_dir: StateDir, now: datetime) -> None:
    """Set the pauses again that an operator set since the backup; what was resumed since then stays paused."""
    for scope, reason in state_dir.read_pauses().items():
        _pause(session, scope, reason, now)


def _pause(session: Session, scope: str, reason: str, now: datetime) -> bool:
    kind, _, name = scope.partition(":")
    if kind == "survey":
        from nps_connect.services.decisions import paused_surveys  # loads all actions, which the other pauses spare

        return paused_surveys.pause_survey(session, name, reason=reason, now=now)
    return pauses.pause(session, scope, cause="operator", reason=reason, now=now)


def _resume(session: Session, scope: str) -> bool:
    from nps_connect.services.decisions import paused_surveys
    from nps_connect.services.suppressions.unconfirmed import confirm_opt_outs

    if scope == pauses.RESTORED_SCOPE:
        confirm_opt_outs(session)
    kind, _, name = scope.partition(":")
    return paused_surveys.resume_survey(session, name) if kind == "survey" else pauses.resume(session, scope)
