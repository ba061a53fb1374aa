"""The last check of each connection, kept in the ledger: what reading commands and metrics know of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlmodel import Session

from nps_connect.ledger.observations import ObservationRow, load_observations, record_observation
from nps_connect.records.findings import Finding
from nps_connect.services.operations.connection_status import ConnectionStatus, FailedCheck, Failure

REFUTED_BY_CALL = frozenset({"check-timeout", "credentials-refused", "smtp-failing", "vendor-unreachable"})
"""Errors that a successful call refutes: the vendor is there and knows us. Others end with a passing check only, such
as a missing permission, which one action needs and another does not."""

REFUTED_BY_WEBHOOK = frozenset({"vendor-unreachable"})
"""A webhook is the vendor's call: it says nothing about our credentials."""


def record_check(session: Session, connection: str, worst: Finding | None, now: datetime) -> None:
    """Replace the recorded result of a connection's check.

    Args:
        session: for writing.
        connection: the connection that was checked.
        worst: the plugin's worst finding, without secrets; None if it had none.
        now: when it was checked.
    """
    detail = {"severity": "ok"} if worst is None else worst.model_dump(mode="json", include={"id", "severity", "text"})
    record_observation(session, "connection_check", connection, now=now, detail=detail)


def load_checks(session: Session) -> dict[str, ObservationRow]:
    """Load when each connection was checked last, with severity, id and text of the worst finding as its detail."""
    return load_observations(session, "connection_check")


def add_check(
    status: ConnectionStatus, recorded: ObservationRow | None, read_memos: Iterable[Mapping[str, Any]]
) -> ConnectionStatus:
    """Add the recorded check to a status, unless it found no error, or something later refutes it.

    Args:
        status: of the connection.
        recorded: its last check; None without any.
        read_memos: the stored states of the jobs that read its events from the vendor.
    """
    if recorded is None or recorded.detail["severity"] != "error":
        return status
    check = FailedCheck(recorded.at, recorded.detail["id"], recorded.detail["text"])
    reads = (datetime.fromisoformat(memo["read_at"]) for memo in read_memos if "read_at" in memo)
    if _is_refuted(check, status, max(reads, default=None)):
        return status
    failure = Failure(check.at, check.text)
    newest = failure if status.last_error is None or status.last_error.since < check.at else status.last_error
    return replace(status, failed_check=check, last_error=newest)


def _is_refuted(check: FailedCheck, status: ConnectionStatus, read_at: datetime | None) -> bool:
    """Return whether something that succeeded after a failed check shows that its error is over."""
    calls = [moment for moment in (status.last_success_at, read_at) if moment is not None]
    if check.finding in REFUTED_BY_CALL and any(moment > check.at for moment in calls):
        return True
    heard_at = status.last_event_at
    return check.finding in REFUTED_BY_WEBHOOK and heard_at is not None and heard_at > check.at
