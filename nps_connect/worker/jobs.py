"""Periodic jobs: ledger rows like any other work, so that in a cluster each runs once per period."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete
from sqlmodel import col

from nps_connect.flows.context import JOBS, Context
from nps_connect.flows.fallback import raise_alarms
from nps_connect.flows.poll import poll
from nps_connect.flows.recover import recover
from nps_connect.ledger import claims
from nps_connect.ledger.keeping import JobRow
from nps_connect.ledger.upserts import insert_new

log = logging.getLogger(__name__)

SWEEP_EVERY = timedelta(seconds=15)
ALARM_EVERY = timedelta(seconds=60)
AFTER_A_FAILURE = timedelta(seconds=60)


@dataclass(frozen=True)
class Job:
    """A periodic job: its name, and what it does; it answers how long to wait for the next run."""

    name: str
    run: Callable[[dict[str, Any]], timedelta]


def jobs_of(ctx: Context) -> dict[str, Job]:
    """The jobs that this configuration needs, by name."""
    jobs = [
        Job("sweep", lambda _memo: _then(recover(ctx, after_restart=False), SWEEP_EVERY)),
        Job("alarms", lambda _memo: _then(raise_alarms(ctx), ALARM_EVERY)),
    ]
    for name, connection in ctx.connections.items():
        if connection.settings.events == "poll":
            job = f"poll:{name}"
            jobs.append(Job(job, lambda memo, job=job, name=name: poll(ctx, job, name, memo)))  # type: ignore[misc]
    return {job.name: job for job in jobs}


def plan_jobs(ctx: Context, jobs: dict[str, Job]) -> None:
    """See to it that every job has its row, and that no other has one."""
    now = ctx.clock()
    with ctx.ledger.write() as session:
        rows = [{"name": name, "lane": JOBS, "due_at": now, "memo": {}} for name in jobs]
        insert_new(session, JobRow, rows, ("name",))
        stale = col(JobRow.name).not_in(list(jobs)) & col(JobRow.name).not_like("poll:%")
        session.execute(delete(JobRow).where(stale).execution_options(synchronize_session=False))


def drain_jobs(ctx: Context, jobs: dict[str, Job]) -> int:
    """Run one due job; returns how many were run."""
    token = ctx.token()
    with ctx.ledger.write() as session:
        rows = claims.claim(session, JobRow, JOBS, token=token, now=ctx.clock(), limit=1)
    for row in rows:
        job = jobs.get(row.name)
        try:
            wait = job.run(row.memo) if job else timedelta(hours=1)
        except Exception:  # a failing job must neither stop the others nor the engine
            log.exception("job failed name=%s", row.name)
            wait = AFTER_A_FAILURE
        with ctx.ledger.write() as session:
            values = {"state": "pending", "due_at": ctx.clock() + wait}
            claims.settle(session, JobRow, row.id or 0, token=token, values=values)
    return len(rows)


def _then(_done: int, wait: timedelta) -> timedelta:
    return wait
