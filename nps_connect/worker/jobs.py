"""Periodic jobs: queued ledger rows, so that in a cluster each job runs once per period."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy import delete, or_
from sqlmodel import col

from nps_connect.ledger import claims
from nps_connect.ledger.columns import JOBS_QUEUE, poll_queue
from nps_connect.ledger.upserts import insert_many
from nps_connect.ledger.workers import (
    BOUNCES_JOB_PREFIX,
    CHECK_JOB_PREFIX,
    POLL_JOB_PREFIX,
    RECONCILE_JOB_PREFIX,
    SCHEDULE_JOB_PREFIX,
    JobRow,
)
from nps_connect.rules.schedule import SCAN_INTERVAL
from nps_connect.services.api_keys.idempotency import delete_expired_responses
from nps_connect.services.approvals.approvals import delete_old_plans
from nps_connect.services.cases.overdue import enqueue_overdue_notices
from nps_connect.services.comments.classify import IDLE_INTERVAL as CLASSIFY_INTERVAL
from nps_connect.services.comments.classify import classify_comments
from nps_connect.services.context import Context
from nps_connect.services.deliveries.in_doubt import resolve_in_doubt
from nps_connect.services.intake.poll import MAX_RATE_LIMIT_WAIT, poll
from nps_connect.services.intake.reconcile import reconcile, reconciled_connections
from nps_connect.services.intake.schedule_state import schedule_job
from nps_connect.services.intake.schedules import scan_schedule
from nps_connect.services.invitations.reminders import enqueue_confirmation_requests
from nps_connect.services.operations.connection_checks import RECHECK_INTERVAL, check_if_due
from nps_connect.services.operations.fallback_alarms import notify_pauses, raise_alarms
from nps_connect.services.operations.retention import IDLE_INTERVAL, apply_retention
from nps_connect.services.operations.silence_notices import notify_silent_connections
from nps_connect.services.problems.evaluate import evaluate_due_problems
from nps_connect.services.problems.late_problems import notify_late_problems
from nps_connect.services.problems.problems import empty_old_notes
from nps_connect.services.reports.digest_schedule import DIGEST_INTERVAL, run_digests
from nps_connect.services.reports.score_alarms import ALARM_INTERVAL, raise_score_alarms
from nps_connect.services.suppressions.bounces import NO_MAILBOX_INTERVAL, bounces_job, fetch_bounces
from nps_connect.services.users.expiry import delete_expired_secrets

log = logging.getLogger(__name__)

JOB_ERROR_BACKOFF = timedelta(seconds=60)
FIRST_CHECK_DELAY = timedelta(minutes=2)
"""A new installation is checked when its operator has set it up, more or less."""

CHECK_DISTANCE = timedelta(seconds=20)
"""Between the checks of two connections."""

UNKNOWN_JOB_DELAY = timedelta(hours=1)
"""Delay of a row whose job another version or configuration defines."""

_SIMPLE_JOBS: tuple[tuple[str, Callable[[Context], object], timedelta], ...] = (
    ("alarms", raise_alarms, timedelta(minutes=1)),
    ("in_doubt_checks", resolve_in_doubt, timedelta(seconds=30)),
    ("pause_notices", notify_pauses, timedelta(minutes=1)),
    ("overdue_cases", enqueue_overdue_notices, timedelta(minutes=1)),
    ("silence_notices", notify_silent_connections, timedelta(hours=1)),
    ("confirmations", enqueue_confirmation_requests, timedelta(hours=1)),
    ("idempotency_keys", delete_expired_responses, timedelta(hours=1)),
    ("approvals", delete_old_plans, timedelta(hours=1)),
    ("users", delete_expired_secrets, timedelta(hours=1)),
    ("problems", evaluate_due_problems, timedelta(hours=1)),
    ("late_problems", notify_late_problems, timedelta(hours=1)),
    ("problem_notes", empty_old_notes, timedelta(hours=1)),
)
"""Name, function and interval of the jobs that keep no state."""


@dataclass(frozen=True)
class PeriodicJob:
    """A periodic job.

    Attributes:
        name: unique.
        run: runs the job with its stored state, which it may change; returns the delay until the next run.
        interval: the longest delay.
        queue_name: a job that calls a vendor runs in a queue of that connection, so that no other job waits for it.
        first_delay: how long it waits before its first run.
    """

    name: str
    run: Callable[[dict[str, Any]], timedelta]
    interval: timedelta
    queue_name: str = JOBS_QUEUE
    first_delay: timedelta = timedelta(0)


def build_jobs(ctx: Context) -> dict[str, PeriodicJob]:
    """Return the jobs that this configuration needs, by name."""
    jobs = [
        PeriodicJob(name, partial(_run_then_wait, ctx, run, interval), interval) for name, run, interval in _SIMPLE_JOBS
    ]
    jobs.append(PeriodicJob("comment_themes", partial(classify_comments, ctx), CLASSIFY_INTERVAL))
    jobs.append(PeriodicJob("retention", partial(apply_retention, ctx), IDLE_INTERVAL))
    if ctx.settings.digest.is_on:
        jobs.append(PeriodicJob("digests", partial(run_digests, ctx), DIGEST_INTERVAL))
    if ctx.settings.digest.score_alarms:
        jobs.append(PeriodicJob("score_alarms", partial(raise_score_alarms, ctx), ALARM_INTERVAL))
    for position, (name, connection) in enumerate(ctx.connections.items()):
        queue_name = poll_queue(name)
        if ctx.has(name, "nps_check"):
            check = partial(check_if_due, ctx, name)
            first_delay = FIRST_CHECK_DELAY + position * CHECK_DISTANCE % (RECHECK_INTERVAL - FIRST_CHECK_DELAY)
            jobs.append(PeriodicJob(CHECK_JOB_PREFIX + name, check, RECHECK_INTERVAL, queue_name, first_delay))
        if connection.settings.events == "poll":
            job = POLL_JOB_PREFIX + name
            interval = max(timedelta(seconds=connection.settings.poll_every), MAX_RATE_LIMIT_WAIT)
            jobs.append(PeriodicJob(job, partial(poll, ctx, job, name), interval, queue_name))
        if ctx.has(name, "nps_fetch_bounces"):
            fetch = partial(fetch_bounces, ctx, name)
            jobs.append(PeriodicJob(bounces_job(name), fetch, NO_MAILBOX_INTERVAL, queue_name))
    for trigger in ctx.settings.schedule_triggers:
        scan = partial(scan_schedule, ctx, trigger)
        jobs.append(PeriodicJob(schedule_job(trigger.survey), scan, SCAN_INTERVAL, poll_queue(trigger.source)))
    for name in reconciled_connections(ctx):
        job = RECONCILE_JOB_PREFIX + name
        jobs.append(PeriodicJob(job, partial(reconcile, ctx, job, name), MAX_RATE_LIMIT_WAIT, poll_queue(name)))
    return {job.name: job for job in jobs}


def sync_job_rows(ctx: Context, jobs: dict[str, PeriodicJob]) -> None:
    """Create missing job rows and delete those of removed jobs; a removed vendor job keeps its cursor."""
    now = ctx.clock()
    with ctx.ledger.write() as session:
        rows = [
            {"name": name, "queue_name": job.queue_name, "due_at": now + job.first_delay, "memo": {}}
            for name, job in jobs.items()
        ]
        insert_many(session, JobRow, rows, skip_existing=("name",))
        prefixes = POLL_JOB_PREFIX, RECONCILE_JOB_PREFIX, BOUNCES_JOB_PREFIX, SCHEDULE_JOB_PREFIX
        has_cursor = or_(*(col(JobRow.name).startswith(prefix) for prefix in prefixes))
        stale = col(JobRow.name).not_in(list(jobs)) & ~has_cursor
        session.execute(delete(JobRow).where(stale).execution_options(synchronize_session=False))


def drain_jobs(ctx: Context, jobs: dict[str, PeriodicJob], queue_name: str = JOBS_QUEUE) -> int:
    """Run one due job of a queue; returns the number of jobs run."""
    token = ctx.token()
    with ctx.ledger.write() as session:
        rows = claims.claim(session, JobRow, queue_name, token=token, now=ctx.clock(), limit=1)
    for row in rows:
        job = jobs.get(row.name)
        memo = dict(row.memo)
        try:
            delay = job.run(memo) if job else UNKNOWN_JOB_DELAY
        except Exception:  # a failing job must stop neither the others nor the engine
            log.exception("job_failed name=%s", row.name)
            delay = JOB_ERROR_BACKOFF
        with ctx.ledger.write() as session:
            values: dict[str, Any] = {"state": "pending", "due_at": ctx.clock() + delay}
            values |= {"memo": memo} if memo != row.memo else {}
            claims.settle_many(session, JobRow, {row.id or 0: values}, token=token)
    return len(rows)


def _run_then_wait(
    ctx: Context, run: Callable[[Context], object], interval: timedelta, _memo: dict[str, Any]
) -> timedelta:
    run(ctx)
    return interval
