"""Diagnose the whole system: the checks of every connection, the database, the public address, the processes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from importlib.metadata import version
from typing import NamedTuple

import httpx
from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger.observations import ObservationRow, load_observations
from nps_connect.ledger.workers import BOUNCES_JOB_PREFIX, HEARTBEAT_TIMEOUT, JobRow, load_workers
from nps_connect.records.findings import Finding
from nps_connect.services.context import Context
from nps_connect.services.notices.staff_notices import staff_channels
from nps_connect.services.operations.connection_checks import complete_check, run_plugin_check
from nps_connect.services.operations.database_findings import (
    FreeBytes,
    backup_findings,
    check_integrity,
    disk_findings,
    free_bytes,
)
from nps_connect.services.operations.ledger_findings import SEVERITIES, describe_age, load_findings
from nps_connect.services.operations.parallel_checks import Check, run_checks
from nps_connect.services.operations.public_url_check import (
    HEALTH_PATH,
    check_public_url,
    foreign_request_findings,
    insecure_url_findings,
    is_public_url_local,
)
from nps_connect.services.responses.figure_settings import find_changed_settings, has_responses
from nps_connect.services.suppressions.store import erasure_key_id
from nps_connect.settings.effective import fingerprint

CHECK_TIMEOUT = timedelta(seconds=20)
"""For all checks together."""

MAX_MAILBOX_AGE = timedelta(hours=1)
"""A bounce mailbox is read every five minutes."""

FIGURES_FIX = "nps-connect db check --figures --repair"
MAIL_CHECK_FIX = "nps-connect doctor mail ADDRESS, with an address at another provider (docs/deliverability.md)"


class Diagnosis(NamedTuple):
    """What `diagnose` found and did.

    Attributes:
        findings: worst first.
        resumed: scopes that a 401 or 403 had paused and that a passing check has resumed.
    """

    findings: list[Finding]
    resumed: list[str]


def diagnose(
    ctx: Context,
    probe: httpx.Client | None,
    *,
    timeout: timedelta = CHECK_TIMEOUT,
    monotonic: Callable[[], float] = time.monotonic,
    free: FreeBytes = free_bytes,
) -> Diagnosis:
    """Return every finding on the system. Pauses that a passing check ends are resumed.

    Args:
        ctx: the application context; its database can be used.
        probe: the client for the public address (`build_probe`); None uses no network, also for the plugins' checks.
        timeout: how long to wait for all checks together; one that is not finished is a finding.
        monotonic: source of elapsed time, in seconds.
        free: returns the free bytes of a disk.
    """
    now = ctx.clock()
    with ctx.ledger.read() as session:
        foreign_request = load_observations(session, "foreign_request").get("")
        system = [*_process_findings(ctx, session, now), *_observed_findings(ctx, session, now)]
    last_foreign_request = None if foreign_request is None else foreign_request.at
    url = ctx.settings.core.url
    results = run_checks(_build_checks(ctx, probe, last_foreign_request), timeout, monotonic)
    findings = [*results.pop("database"), *results.pop("public_url", ())]
    checks = [complete_check(ctx, name, results.get(name)) for name in ctx.connections]
    checked = {check.connection: check.findings for check in checks if check.connection in results}
    findings += [finding for check in checks if check.connection not in results for finding in check.findings]
    problem = ctx.ledger.storage.problem
    with ctx.ledger.read() as session:  # after the checks: they may have resumed a connection
        findings += load_findings(session, ctx.settings, ctx.clock(), problem, checked=checked)
    findings += [*insecure_url_findings(url), *foreign_request_findings(url, now, last_foreign_request)]
    findings += [*disk_findings(ctx.ledger, ctx.state_dir, free), *system]
    return Diagnosis(sort_findings(findings), [scope for check in checks for scope in check.resumed])


def sort_findings(findings: list[Finding]) -> list[Finding]:
    """Return findings worst first, otherwise in their order."""
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))


def _build_checks(ctx: Context, probe: httpx.Client | None, last_foreign_request: datetime | None) -> list[Check]:
    """Return what takes long: reading the database and, with a probe, asking the network."""
    integrity = partial(check_integrity, ctx.ledger, ctx.state_dir)
    checks = [Check("database", integrity, "nps-connect db check, which waits until it is finished")]
    if probe is None:
        return checks
    url = ctx.settings.core.url
    check_url = partial(check_public_url, url, probe, ctx.clock(), last_foreign_request)
    checks.append(Check("public_url", check_url, f"curl -v {url}{HEALTH_PATH}"))
    return checks + [
        Check(name, partial(run_plugin_check, ctx, name), f"nps-connect connections check {name}")
        for name in ctx.connections
    ]


def _process_findings(ctx: Context, session: Session, now: datetime) -> Iterator[Finding]:
    """Yield the versions of the plugins, and the processes that run another version or configuration than this one."""
    installed = version("nps-connect")
    used = sorted({connection.settings.plugin for connection in ctx.connections.values()})
    plugins = ", ".join(f"{name} {ctx.plugins.versions[name]}" for name in used)
    yield Finding(severity="ok", text=f"nps-connect {installed}; plugins in use: {plugins}")
    own_fingerprint = fingerprint(ctx.settings)
    for worker in load_workers(session):
        if now - worker.seen_at > HEARTBEAT_TIMEOUT:
            continue
        process = f"process {worker.pid} ({worker.role}) on {worker.host}"
        if worker.version != installed:
            text = f"{process} runs version {worker.version}, installed is {installed}"
        elif worker.config_fingerprint not in (None, own_fingerprint):
            text = f"{process} runs another configuration than this file"
        else:
            continue
        yield Finding(id="worker-outdated", severity="warning", text=text, fix=f"restart it, on {worker.host}")


def _observed_findings(ctx: Context, session: Session, now: datetime) -> Iterator[Finding]:
    """Yield findings on what commands recorded when they ran."""
    yield from _mailbox_findings(session, now)
    yield from _erasure_key_findings(ctx, session)
    yield from _figure_findings(ctx, session)
    yield from backup_findings(ctx.ledger, load_observations(session, "backup").get(""), now)
    if staff_channels(ctx) and not is_public_url_local(ctx.settings.core.url):
        yield _sender_finding(load_observations(session, "sender_authentication").get(""), now)


def _erasure_key_findings(ctx: Context, session: Session) -> Iterator[Finding]:
    """Yield the keys under which people were erased and that are not configured any more (ADR 16)."""
    configured = {erasure_key_id(key) for key in ctx.erasure_keys}
    for key_id, used in load_observations(session, "erasure_key").items():
        if key_id not in configured:
            text = (
                f"people who were erased until {used.at:%Y-%m-%d} are not recognised: the signing key of that time is "
                "not in core.signing_keys any more"
            )
            fix = "append the former key to core.signing_keys; the first one signs, the others are only compared"
            yield Finding(id="signing-key-missing", severity="error", text=text, fix=fix)


def _figure_findings(ctx: Context, session: Session) -> Iterator[Finding]:
    """Yield that the daily figures were made with other dimensions, teams or days."""
    changed = find_changed_settings(session, ctx.settings.core.zone, ctx.dimensions)
    if changed and has_responses(session):
        text = f"figures of earlier responses were made before a change of {', '.join(changed)}"
        yield Finding(id="figures-outdated", severity="warning", text=text, fix=FIGURES_FIX)


def _mailbox_findings(session: Session, now: datetime) -> Iterator[Finding]:
    """Yield when each bounce mailbox was read last; that it cannot be read is in the ledger's findings."""
    jobs = session.execute(select(JobRow).where(col(JobRow.name).startswith(BOUNCES_JOB_PREFIX))).scalars()
    for job in jobs:
        if "read_at" not in job.memo:
            continue
        name, age = job.name.removeprefix(BOUNCES_JOB_PREFIX), now - datetime.fromisoformat(job.memo["read_at"])
        text = f"the bounce mailbox was last read {describe_age(age)} ago"
        if age <= MAX_MAILBOX_AGE:
            yield Finding(severity="ok", subject=name, text=text)
        else:
            fix = f"nps-connect connections check {name}; it is read while nps-connect run works"
            yield Finding(id="bounce-mailbox-unread", severity="warning", subject=name, text=text, fix=fix)


def _sender_finding(checked: ObservationRow | None, now: datetime) -> Finding:
    if checked is None:
        text = "whether our mail passes SPF, DKIM and DMARC at another provider was never checked"
        return Finding(id="sender-domain", severity="warning", text=text, fix=MAIL_CHECK_FIX)
    age = describe_age(now - checked.at)
    if failed := checked.detail.get("failed"):
        text = f"the mail that was checked {age} ago failed: {', '.join(failed)}"
        return Finding(id="sender-domain", severity="error", text=text, fix=MAIL_CHECK_FIX)
    return Finding(severity="ok", text=f"the mail that was checked {age} ago passed SPF, DKIM and DMARC")
