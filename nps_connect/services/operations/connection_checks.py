"""Check a connection: the plugin's findings at the vendor and the ledger's. A passing check resumes it.

The worst finding of each check is recorded, so that `status` and metrics know it without asking the vendor.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from nps_connect.errors import AuthFailed, DeliveryError, NotAllowed, PluginError, RateLimited
from nps_connect.ledger import pauses
from nps_connect.ledger.workers import HEARTBEAT_TIMEOUT, load_workers
from nps_connect.records.findings import Finding
from nps_connect.services.context import Context
from nps_connect.services.deliveries.circuit_breaker import credential_pauses, resume_after_check
from nps_connect.services.operations.finding_causes import describe_credentials, list_secrets, name_settings
from nps_connect.services.operations.ledger_findings import SEVERITIES, load_findings, skipped_findings
from nps_connect.services.operations.recorded_checks import load_checks, record_check
from nps_connect.services.operations.vendor_findings import (
    announced_end_findings,
    clock_findings,
    record_announced_ends,
)
from nps_connect.services.reviews.policy import policy_findings

log = logging.getLogger(__name__)

CHECK_INTERVAL = timedelta(hours=1)
RECHECK_INTERVAL = timedelta(minutes=5)
"""After a check that failed, and while refused credentials pause the connection."""


@dataclass(frozen=True)
class ConnectionCheck:
    """Result of a check of one connection.

    Attributes:
        connection: its name.
        findings: of the plugin and of the ledger, worst first.
        resumed: scopes that a 401 or 403 had paused and that the check has resumed.
    """

    connection: str
    findings: tuple[Finding, ...]
    resumed: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether there is no error; warnings are allowed."""
        return all(finding.severity != "error" for finding in self.findings)


def check_connection(ctx: Context, connection: str) -> ConnectionCheck:
    """Collect the findings of the plugin, of its vendor and of the ledger.

    Scopes that a refusal of the vendor had paused are resumed if the plugin finds no error.

    Args:
        ctx: the application context.
        connection: one of `ctx.connections`.
    """
    check = complete_check(ctx, connection, run_plugin_check(ctx, connection))
    return replace(check, findings=tuple(add_ledger_findings(ctx, check)))


def complete_check(ctx: Context, connection: str, plugin_findings: Sequence[Finding] | None) -> ConnectionCheck:
    """Record the plugin's findings, and add what is known without the network, except for `add_ledger_findings`.

    Args:
        ctx: the application context.
        connection: one of `ctx.connections`.
        plugin_findings: the result of `run_plugin_check`; None if the plugin was not asked.
    """
    settings, origins = ctx.connections[connection].settings, ctx.settings.origins
    findings = [name_settings(finding, connection, type(settings), origins) for finding in plugin_findings or ()]
    if plugin_findings is not None:
        _record(ctx, connection, findings)
    outdated = outdated_process_findings(ctx, connection)
    has_passed = plugin_findings is not None and all(finding.severity != "error" for finding in findings)
    resumed = resume_after_check(ctx, connection) if has_passed else []
    findings += [
        Finding(severity="ok", text=f"{scope} resumed: it was paused by a refusal, and the check passes now")
        for scope in resumed
    ]
    findings += outdated if resumed else []
    record_announced_ends(ctx)
    findings += [*clock_findings(ctx, connection), *announced_end_findings(ctx, connection)]
    findings += policy_findings(ctx, connection)
    with_subject = [finding.model_copy(update={"subject": finding.subject or connection}) for finding in findings]
    return ConnectionCheck(connection, tuple(with_subject), tuple(resumed))


def outdated_process_findings(ctx: Context, connection: str) -> list[Finding]:
    """Return the processes that still use the credentials that were refused, unless these were made valid again.

    They loaded the configuration before a 401 paused the connection, and a check has loaded it anew.
    """
    now = ctx.clock()
    with ctx.ledger.read() as session:
        pause = pauses.load_pauses(session).get(pauses.connection_scope(connection))
        processes = load_workers(session) if pause is not None and pause.cause == "auth" else []
    return [
        Finding(
            id="worker-outdated",
            severity="warning",
            text=f"process {process.pid} ({process.role}) on {process.host} loaded its credentials before the refusal",
            fix=f"if they were renewed, reload it: kill -HUP {process.pid}, on {process.host}",
        )
        for process in processes
        if pause is not None and process.started_at <= pause.since and now - process.seen_at <= HEARTBEAT_TIMEOUT
    ]


def check_if_due(ctx: Context, connection: str, _memo: dict[str, Any]) -> timedelta:
    """Check a connection an hour after its last check, sooner after a failed one; return when to look again.

    A periodic job. Also an operator's check counts as the last one.
    """
    with ctx.ledger.read() as session:
        last = load_checks(session).get(connection)
        is_impaired = (last is not None and last.detail["severity"] == "error") or bool(
            credential_pauses(session, connection)
        )
    now = ctx.clock()
    interval = RECHECK_INTERVAL if is_impaired else CHECK_INTERVAL
    if last is not None and last.at <= now < last.at + interval:
        return min(RECHECK_INTERVAL, last.at + interval - now)
    complete_check(ctx, connection, run_plugin_check(ctx, connection))
    with ctx.ledger.read() as session:
        result = load_checks(session)[connection].detail
    if result["severity"] == "error" and (last is None or result != last.detail):
        log.warning(
            'connection_check_failed connection=%s finding=%s reason="%s"', connection, result["id"], result["text"]
        )
    return RECHECK_INTERVAL


def _record(ctx: Context, connection: str, findings: Sequence[Finding]) -> None:
    """Record the worst finding of a plugin's check."""
    worst = min(findings, key=lambda finding: SEVERITIES.index(finding.severity), default=None)
    if worst is not None:
        worst = worst.model_copy(update={"text": ctx.redact(worst.text)})
    with ctx.ledger.write() as session:
        record_check(session, connection, worst, ctx.clock())


def add_ledger_findings(ctx: Context, check: ConnectionCheck) -> list[Finding]:
    """Return the findings of a check and of the ledger, with the pauses of the system that stop the connection."""
    connection = check.connection
    system_pauses = {pauses.DATABASE_SCOPE}
    if ctx.connector_info(connection).channel:
        system_pauses |= {pauses.MAIL_SCOPE, pauses.RESTORED_SCOPE}
    with ctx.ledger.read() as session:
        findings = load_findings(session, ctx.settings, ctx.clock(), checked={connection: check.findings})
        skipped = skipped_findings(session, connection, ctx.clock())
    subjects = {connection, *system_pauses}
    return [finding for finding in findings if finding.subject in subjects] + skipped


def run_plugin_check(ctx: Context, connection: str) -> list[Finding]:
    """Return the plugin's findings, asked over the network; an exception is a finding too. Thread-safe."""
    plugin = ctx.connections[connection].settings.plugin
    if not ctx.has(connection, "nps_check"):
        return [Finding(severity="ok", text=f"plugin {plugin} has no connection check")]
    try:
        return list(ctx.plugins.call(plugin, "nps_check", connection=ctx.connections[connection]))
    except DeliveryError as error:
        return [_describe_failure(ctx, error, connection)]
    except PluginError as error:
        fix = "update the plugin, or report it"
        return [Finding(id="plugin-broken", severity="error", text=ctx.redact(str(error)), fix=fix)]
    except Exception as error:  # a plugin may raise anything
        log.exception("connection_check_crashed connection=%s plugin=%s", connection, plugin)
        text = f"the check of plugin {plugin} crashed ({type(error).__name__})"
        fix = "report it to the plugin's author; see the log for details"
        return [Finding(id="plugin-broken", severity="error", text=text, fix=fix)]


def _describe_failure(ctx: Context, error: DeliveryError, connection: str) -> Finding:
    """Return the finding on an error that ended a plugin's check."""
    text = ctx.redact(error.message)
    if isinstance(error, AuthFailed):
        secrets = list_secrets(ctx.settings.origins, connection)
        fix = f"renew {describe_credentials(connection, secrets)}; then check again"
        return Finding(id="credentials-refused", severity="error", text=text, fix=fix)
    if isinstance(error, NotAllowed):
        fix = f"grant {error.scope or 'the missing permission'} at the vendor, then check again"
        return Finding(id="scope-missing", severity="error", text=text, fix=fix)
    if isinstance(error, RateLimited):
        return Finding(id="quota-low", severity="warning", text=text, fix="check again later")
    fix = "make sure that the vendor can be reached from here, then check again"
    return Finding(id="vendor-unreachable", severity="error", text=text, fix=fix)
