"""Periodic jobs: ledger rows like any other work, so that in a cluster each runs once per period."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete
from sqlmodel import col

from nps_connect.ledger import claims
from nps_connect.ledger.operational_tables import JobRow
from nps_connect.ledger.upserts import insert_new
from nps_connect.services.cases.overdue import enqueue_overdue_alerts
from nps_connect.services.context import JOBS_QUEUE, Context, poll_queue
from nps_connect.services.deliveries.circuit_breaker import resume_healthy_connections
from nps_connect.services.deliveries.dead_in_doubt import resolve_dead_in_doubt
from nps_connect.services.intake.poll import poll
from nps_connect.services.intake.reconcile import reconcile, reconciled_connections
from nps_connect.services.invitations.reminders import enqueue_confirmation_requests
from nps_connect.services.operations.fallback_alarms import notify_pauses, raise_alarms
from nps_connect.services.operations.retention import apply_retention
from nps_connect.services.suppressions.bounces import fetch_bounces

log = logging.getLogger(__name__)

CONFIRM_REQUEST_INTERVAL = timedelta(hours=1)
ALARM_INTERVAL = timedelta(seconds=60)
IN_DOUBT_CHECK_INTERVAL = timedelta(seconds=30)
RESUME_CHECK_INTERVAL = timedelta(minutes=5)
JOB_ERROR_BACKOFF = timedelta(seconds=60)


@dataclass(frozen=True)
class PeriodicJob:
    """A periodic job: its name, what it does (it answers how long to wait for the next run), and its queue.

    A job that calls a vendor has a queue of that connection, so that no other job waits for it.
    """

    name: str
    run: Callable[[dict[str, Any]], timedelta]
    queue_name: str = JOBS_QUEUE


def build_jobs(ctx: Context) -> dict[str, PeriodicJob]:
    """The jobs that this configuration needs, by name."""
    jobs = [
        PeriodicJob("alarms", lambda _memo: _then_wait(raise_alarms(ctx), ALARM_INTERVAL)),
        PeriodicJob("last looks", lambda _memo: _then_wait(resolve_dead_in_doubt(ctx), IN_DOUBT_CHECK_INTERVAL)),
        PeriodicJob("stops", lambda _memo: _then_wait(notify_pauses(ctx), ALARM_INTERVAL)),
        PeriodicJob("overdue", lambda _memo: _then_wait(enqueue_overdue_alerts(ctx), ALARM_INTERVAL)),
        PeriodicJob("resume", lambda _memo: _then_wait(resume_healthy_connections(ctx), RESUME_CHECK_INTERVAL)),
        PeriodicJob("retention", lambda memo: apply_retention(ctx, memo)),
        PeriodicJob(
            "confirmations", lambda _memo: _then_wait(enqueue_confirmation_requests(ctx), CONFIRM_REQUEST_INTERVAL)
        ),
    ]
    for name, connection in ctx.connections.items():
        if connection.settings.events == "poll":
            job = f"poll:{name}"
            jobs.append(PeriodicJob(job, lambda memo, job=job, name=name: poll(ctx, job, name, memo), poll_queue(name)))  # type: ignore[misc]
    for name in reconciled_connections(ctx):
        job = f"reconcile:{name}"
        jobs.append(
            PeriodicJob(job, lambda memo, job=job, name=name: reconcile(ctx, job, name, memo), poll_queue(name))  # type: ignore[misc]
        )
    jobs += [
        PeriodicJob(f"bounces:{name}", lambda memo, name=name: fetch_bounces(ctx, name, memo), poll_queue(name))  # type: ignore[misc]
        for name in ctx.connections
        if ctx.has(name, "nps_fetch_bounces")
    ]
    return {job.name: job for job in jobs}


def sync_job_rows(ctx: Context, jobs: dict[str, PeriodicJob]) -> None:
    """See to it that every job has its row, and that no other has one."""
    now = ctx.clock()
    with ctx.ledger.write() as session:
        rows = [{"name": name, "queue_name": job.queue_name, "due_at": now, "memo": {}} for name, job in jobs.items()]
        insert_new(session, JobRow, rows, ("name",))
        kept = col(JobRow.name).like("poll:%") | col(JobRow.name).like("reconcile:%")
        kept |= col(JobRow.name).like("bounces:%")
        stale = col(JobRow.name).not_in(list(jobs)) & ~kept
        session.execute(delete(JobRow).where(stale).execution_options(synchronize_session=False))


def drain_jobs(ctx: Context, jobs: dict[str, PeriodicJob], queue_name: str = JOBS_QUEUE) -> int:
    """Run one due job of a queue; returns how many were run."""
    token = ctx.token()
    with ctx.ledger.write() as session:
        rows = claims.claim(session, JobRow, queue_name, token=token, now=ctx.clock(), limit=1)
    for row in rows:
        job = jobs.get(row.name)
        memo = dict(row.memo)
        try:
            wait = job.run(memo) if job else timedelta(hours=1)
        except Exception:  # a failing job must neither stop the others nor the engine
            log.exception("job failed name=%s", row.name)
            wait = JOB_ERROR_BACKOFF
        with ctx.ledger.write() as session:
            values: dict[str, Any] = {"state": "pending", "due_at": ctx.clock() + wait}
            values |= {"memo": memo} if memo != row.memo else {}
            claims.settle(session, JobRow, row.id or 0, token=token, values=values)
    return len(rows)


def _then_wait(_done: int, wait: timedelta) -> timedelta:
    return wait
