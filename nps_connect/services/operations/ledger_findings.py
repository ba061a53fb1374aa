"""Findings from the ledger alone: `status`, `doctor`, connection checks and alerts report the same ones.

They follow from a `SystemStatus`, without further queries, plugins or secrets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import func, select
from sqlmodel import Session, col

from nps_connect.ledger import pauses
from nps_connect.ledger.queue_figures import format_counts
from nps_connect.ledger.storage_health import StorageProblem
from nps_connect.ledger.tables import DeliveryRow
from nps_connect.records.actions import HoldCode
from nps_connect.records.finding_kinds import pause_kind
from nps_connect.records.findings import Finding
from nps_connect.services.operations.connection_status import ConnectionStatus
from nps_connect.services.operations.digest_findings import digest_findings
from nps_connect.services.operations.finding_causes import CHECKED_BEFORE, describe_credentials, merge_same_causes
from nps_connect.services.operations.schedule_findings import schedule_findings
from nps_connect.services.operations.status import PausedScope, SystemStatus, load_status
from nps_connect.settings.model import Settings

CLOCK_TOLERANCE_SECONDS = 15.0
"""Hosts whose clocks are synchronized differ by much less."""

OVERDUE_AFTER = timedelta(minutes=10)
"""A healthy worker starts what is due within seconds, and what a burst brings within minutes."""

HOLDS_FOR_OPERATORS = frozenset({HoldCode.DUPLICATE_RECEIPT, HoldCode.SHADOW})
"""Holds that end only when an operator acts. The others end by themselves, or are reported with what they wait for."""

SKIPPED_PERIOD = timedelta(days=30)

Checked = Mapping[str, Sequence[Finding]]
"""Findings of checks, by connection."""

NOT_CHECKED: Checked = {}

SEVERITIES = ("error", "warning", "ok")
"""Worst first."""

TIME_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))

Severity = Literal["ok", "warning", "error"]


def load_findings(
    session: Session,
    settings: Settings,
    now: datetime,
    problem: StorageProblem | None = None,
    *,
    checked: Checked = NOT_CHECKED,
) -> list[Finding]:
    """Return what the ledger says about the system and each of its connections, worst first.

    Args:
        session: for reading.
        settings: the configuration.
        now: the present moment.
        problem: what is wrong with the database's storage; None if nothing is known.
        checked: see `find_findings`.
    """
    return find_findings(load_status(session, settings, now, problem), checked)


def find_findings(status: SystemStatus, checked: Checked = NOT_CHECKED) -> list[Finding]:
    """Return what a status says about the system and each of its connections, worst first.

    A failed check and what the ledger holds about the same cause are one finding.

    Args:
        status: the status.
        checked: findings of the connections that were checked just now, which are returned too; of the others the last
            check counts.
    """
    findings = list(_system_findings(status))
    for name, connection in status.connections.items():
        check = checked[name] if name in checked else list(_check_findings(status, name, connection))
        in_ledger = list(_connection_findings(status, name, connection, is_checked=name in checked))
        findings += merge_same_causes(check, in_ledger)
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))


def describe_age(age: timedelta) -> str:
    """Return a duration in its largest unit: ``3 days``, ``1 minute``."""
    seconds = max(0, int(age.total_seconds()))
    length, unit = next((unit for unit in TIME_UNITS if seconds >= unit[0]), TIME_UNITS[-1])
    number = seconds // length
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def skipped_findings(session: Session, connection: str, now: datetime) -> list[Finding]:
    """Return how many deliveries of a connection were skipped within 30 days, by action.

    Not part of `load_findings`: it needs no action, and its cost follows the number of skipped deliveries.
    """
    query = (
        select(col(DeliveryRow.action), func.count())
        .where(col(DeliveryRow.connection) == connection, col(DeliveryRow.state) == "skipped")
        .where(col(DeliveryRow.finished_at) >= now - SKIPPED_PERIOD)
        .group_by(col(DeliveryRow.action))
        .order_by(col(DeliveryRow.action))
    )
    return [
        Finding(
            severity="ok",
            subject=connection,
            text=f"{action} skipped in {SKIPPED_PERIOD.days} days, mostly contacts missing at the vendor: {number}",
            fix=f"nps-connect deliveries list --state skipped --connection {connection}",
        )
        for action, number in session.execute(query)
    ]


def _finding(kind: str, severity: Severity, subject: str | None, text: str, fix: str | None = None) -> Finding:
    return Finding(id=kind, severity=severity, subject=subject, text=text, fix=fix)


def _system_findings(status: SystemStatus) -> Iterator[Finding]:
    if status.storage_problem is not None:
        text, _, fix = status.storage_problem.partition("; ")
        yield _finding("storage-failing", "error", None, text, fix)
    yield from _worker_findings(status)
    if status.moments_corrected:
        text = f"stored times of the last 7 days that lay in the future and were corrected: {status.moments_corrected}"
        yield _finding("clock-skew", "warning", None, text, "synchronize the clocks of all hosts")
    for scope, pause in status.pause_by_scope.items():
        if not scope.startswith(("connection:", "queue:")):
            yield _pause_finding(status, pause, scope)
    for trigger, count in status.held.items():
        fix = f"nps-connect triggers release|refuse '{trigger}'"
        yield _finding("people-held", "warning", trigger, f"people held by trigger {trigger}: {count}", fix)
    if status.to_confirm:
        text = f"detractors who pressed a score and did not confirm it: {status.to_confirm}"
        yield _finding("unconfirmed-detractors", "warning", None, text, "nps-connect responses list --to-confirm")
    yield from digest_findings(status.unread_digests, status.score_alarms)
    yield from schedule_findings(status.schedules, status.at, status.surveys_per_day)
    if status.mode == "shadow":
        yield _finding("shadow-mode", "ok", None, "mode is shadow: nothing is sent", 'set mode = "live" in [core]')


def _worker_findings(status: SystemStatus) -> Iterator[Finding]:
    if status.clock_ahead_seconds > CLOCK_TOLERANCE_SECONDS:
        text = f"a process is {status.clock_ahead_seconds:.0f} s ahead of this machine"
        yield _finding("clock-skew", "warning", None, text, "synchronize the clocks of all hosts")
    if status.workers:
        return
    seen = "none was seen within the last day"
    if status.worker_seen_at is not None:
        seen = f"the last heartbeat is {describe_age(status.at - status.worker_seen_at)} old"
    yield _finding("worker-missing", "error", None, f"no worker is running; {seen}", "nps-connect run")


def _pause_finding(status: SystemStatus, pause: PausedScope, subject: str | None) -> Finding:
    kind = pause_kind(pause.cause, pause.scope)
    text = f"{pause.scope} is paused for {describe_age(status.at - pause.since)} ({pause.cause}): {pause.reason}"
    if pause.cause == "operator" or pause.scope == pauses.RESTORED_SCOPE:
        return _finding(kind, "warning", subject, text, f"nps-connect resume {pause.scope}")
    if pause.scope == pauses.DATABASE_SCOPE:
        fix = "nps-connect db restored; if it is the newest database: nps-connect resume database"
        return _finding(kind, "error", subject, text, fix)
    if pause.cause == "bounces":
        fix = f"nps-connect bounces list; then: nps-connect bounces confirm|undo {subject}"
        return _finding(kind, "error", subject, text, fix)
    fix = f"fix the cause, then: nps-connect connections check {subject}; a passing check resumes it"
    if pause.cause == "auth":
        connection = status.connections.get(subject or "")
        credentials = describe_credentials(subject or "", connection.secrets if connection else ())
        fix = (
            f"renew {credentials}; reload the running processes (SIGHUP), then: nps-connect connections check "
            f"{subject}; a passing check resumes it"
        )
    if pause.cause == "setup":
        fix = (
            f"nps-connect connections plan {subject}, then apply; then: nps-connect connections check {subject}; a "
            "passing check resumes it"
        )
    if pause.cause == "plugin":
        fix = f"fix the plugin, then: nps-connect resume {pause.scope}"
    return _finding(kind, "error", subject, text, fix)


def _connection_findings(
    status: SystemStatus, name: str, connection: ConnectionStatus, *, is_checked: bool
) -> Iterator[Finding]:
    for scope in connection.pauses:
        yield _pause_finding(status, status.pause_by_scope[scope], name)
    yield from _event_findings(status, name, connection)
    yield from _webhook_findings(name, connection)
    yield from _vendor_findings(status, name, connection, is_checked=is_checked)
    yield from _delivery_findings(status, name, connection)


def _check_findings(status: SystemStatus, name: str, connection: ConnectionStatus) -> Iterator[Finding]:
    if (check := connection.failed_check) is not None:
        text = f"{check.text}{CHECKED_BEFORE}{describe_age(status.at - check.at)} ago"
        yield _finding(check.finding, "error", name, text, f"nps-connect connections check {name}")


def _event_findings(status: SystemStatus, name: str, connection: ConnectionStatus) -> Iterator[Finding]:
    if connection.events != "none" and connection.last_event_at is None and not connection.unreadable:
        fixes = {
            "webhook": f"make sure that the vendor calls {status.public_url}/hooks/{name}",
            "poll": "events are fetched while `nps-connect run` is running",
            "api": "events arrive by the HTTP API, and by: nps-connect events send",
        }
        yield _finding("webhook-silence", "warning", name, "no event received yet", fixes.get(connection.events))
    elif connection.events != "none" and connection.last_event_at is not None:
        age = describe_age(status.at - connection.last_event_at)
        text = f"last event {age} ago: {connection.last_event}"
        if connection.is_silent:
            usual = ", ".join(map(str, connection.usual_events))
            habit = f"; in the same hours of the weeks before: {usual}" if usual else ""
            fix = f"nps-connect connections check {name}; make sure that the vendor still sends events"
            yield _finding("webhook-silence", "warning", name, f"no event for {age}{habit}", fix)
        else:
            yield _finding("webhook-silence", "ok", name, text)
    if connection.undecided_since is not None and status.at - connection.undecided_since > OVERDUE_AFTER:
        age = describe_age(status.at - connection.undecided_since)
        text = f"events not decided: {format_counts([connection.undecided])}, the oldest since {age}"
        fix = f"nps-connect events list --connection {name} --state pending"
        yield _finding("events-undecided", "warning", name, text, fix)


def _webhook_findings(name: str, connection: ConnectionStatus) -> Iterator[Finding]:
    if connection.refused:
        counts = ", ".join(f"{count} for {reason}" for reason, count in connection.refused.items())
        fix = "check secret, public_url and the clock of this machine; requests of unknown senders are counted too"
        yield _finding("webhooks-refused", "warning", name, f"webhooks refused since yesterday: {counts}", fix)
    if connection.missed_recently:
        text = f"events since yesterday that were found by a look at the vendor only: {connection.missed_recently}"
        yield _finding("webhook-silence", "warning", name, text, "make sure that the vendor still sends webhooks")
    if connection.unreadable:
        text = f"unreadable webhooks: {connection.unreadable}; the last because {connection.unreadable_reason}"
        fix = f"they are kept; fix the cause, then run: nps-connect events replay --raw --connection {name}"
        yield _finding("webhooks-unreadable", "warning", name, text, fix)


def _vendor_findings(
    status: SystemStatus, name: str, connection: ConnectionStatus, *, is_checked: bool
) -> Iterator[Finding]:
    fix = f"nps-connect connections check {name}"
    if is_checked:
        listing = f"nps-connect deliveries list --connection {name} --state pending"
        fix = f"what failed is tried again automatically; to see it: {listing}"
    for quota, until in connection.quota_until.items():
        text = f"vendor quota {quota} used up; calls wait for {describe_age(until - status.at)}"
        yield _finding("quota-low", "warning", name, text, "no action needed; a smaller share of the quota prevents it")
    if connection.failures:
        kind = "connection-failing" if connection.retry_at is None else "circuit-open"
        retry = "" if connection.retry_at is None else f"; next try in {describe_age(connection.retry_at - status.at)}"
        text = f"calls that failed in a row: {connection.failures}{retry}; the last: {connection.failure}"
        yield _finding(kind, "error", name, text, fix)
    if (poll := connection.poll_failure) is not None:
        text = f"events cannot be fetched since {describe_age(status.at - poll.since)}: {poll.reason}"
        yield _finding("connection-failing", "error", name, text, fix)
    mailbox = connection.bounce_mailbox_failure
    if mailbox is not None:
        text = f"the bounce mailbox is unreadable since {describe_age(status.at - mailbox.since)}: {mailbox.reason}"
        yield _finding("bounce-mailbox-unread", "warning", name, text, f"nps-connect connections check {name}")


def _delivery_findings(status: SystemStatus, name: str, connection: ConnectionStatus) -> Iterator[Finding]:
    listing = f"nps-connect deliveries list --connection {name} --state"
    if dead := connection.deliveries.get("dead", 0):
        yield _finding("deliveries-dead", "warning", name, f"dead deliveries (not retried): {dead}", f"{listing} dead")
    if in_doubt := connection.held.get(HoldCode.IN_DOUBT, 0):
        text = f"deliveries that may have taken effect already: {in_doubt}"
        yield _finding("deliveries-in-doubt", "warning", name, text, f"{listing} held")
    for code in sorted(HOLDS_FOR_OPERATORS & connection.held.keys()):
        text = f"held deliveries ({code.replace('_', ' ')}): {connection.held[code]}"
        yield _finding("deliveries-held", "warning", name, text, f"{listing} held")
    if not connection.is_stopped:
        late = {
            queue: rows for queue, rows in connection.queues.items() if status.at - rows.oldest_due_at > OVERDUE_AFTER
        }
        for queue, rows in late.items():
            age = describe_age(status.at - rows.oldest_due_at)
            text = f"overdue in {queue}: {format_counts([rows.due])}, the oldest since {age}"
            yield _finding("deliveries-overdue", "warning", name, text, f"{listing} pending")
    if queues := connection.queues.values():
        pending, due = format_counts(rows.pending for rows in queues), format_counts(rows.due for rows in queues)
        yield _finding("deliveries-overdue", "ok", name, f"deliveries pending: {pending}, of which due: {due}")
