"""Periodic jobs: ledger rows like any other work, so that in a cluster each runs once per period."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete
from sqlmodel import col

from nps_connect.flows.contacts.bounces import fetch_bounces
from nps_connect.flows.context import JOBS, Context, poll_lane
from nps_connect.flows.delivering.fallback import raise_alarms, tell_stops
from nps_connect.flows.delivering.last_look import look_once_more
from nps_connect.flows.intake.poll import poll
from nps_connect.flows.intake.reconcile import reconcile, reconciled
from nps_connect.flows.inviting.remind import ask_to_confirm
from nps_connect.flows.minding.health import resume_all
from nps_connect.flows.minding.retain import retain
from nps_connect.flows.routing.overdue import tell_overdue
from nps_connect.ledger import claims
from nps_connect.ledger.keeping import JobRow
from nps_connect.ledger.upserts import insert_new

log = logging.getLogger(__name__)

CONFIRM_EVERY = timedelta(hours=1)
ALARM_EVERY = timedelta(seconds=60)
LOOK_EVERY = timedelta(seconds=30)
CHECK_EVERY = timedelta(minutes=5)
AFTER_A_FAILURE = timedelta(seconds=60)


@dataclass(frozen=True)
class Job:
    """A periodic job: its name, what it does (it answers how long to wait for the next run), and its lane.

    A job that calls a vendor has a lane of that connection, so that no other job waits for it.
    """

    name: str
    run: Callable[[dict[str, Any]], timedelta]
    lane: str = JOBS


def jobs_of(ctx: Context) -> dict[str, Job]:
    """The jobs that this configuration needs, by name."""
    jobs = [
        Job("alarms", lambda _memo: _then(raise_alarms(ctx), ALARM_EVERY)),
        Job("last looks", lambda _memo: _then(look_once_more(ctx), LOOK_EVERY)),
        Job("stops", lambda _memo: _then(tell_stops(ctx), ALARM_EVERY)),
        Job("overdue", lambda _memo: _then(tell_overdue(ctx), ALARM_EVERY)),
        Job("resume", lambda _memo: _then(resume_all(ctx), CHECK_EVERY)),
        Job("retention", lambda memo: retain(ctx, memo)),
        Job("confirmations", lambda _memo: _then(ask_to_confirm(ctx), CONFIRM_EVERY)),
    ]
    for name, connection in ctx.connections.items():
        if connection.settings.events == "poll":
            job = f"poll:{name}"
            jobs.append(Job(job, lambda memo, job=job, name=name: poll(ctx, job, name, memo), poll_lane(name)))  # type: ignore[misc]
    for name in reconciled(ctx):
        job = f"reconcile:{name}"
        jobs.append(Job(job, lambda memo, job=job, name=name: reconcile(ctx, job, name, memo), poll_lane(name)))  # type: ignore[misc]
    jobs += [
        Job(f"bounces:{name}", lambda memo, name=name: fetch_bounces(ctx, name, memo), poll_lane(name))  # type: ignore[misc]
        for name in ctx.connections
        if ctx.has(name, "nps_fetch_bounces")
    ]
    return {job.name: job for job in jobs}


def plan_jobs(ctx: Context, jobs: dict[str, Job]) -> None:
    """See to it that every job has its row, and that no other has one."""
    now = ctx.clock()
    with ctx.ledger.write() as session:
        rows = [{"name": name, "lane": job.lane, "due_at": now, "memo": {}} for name, job in jobs.items()]
        insert_new(session, JobRow, rows, ("name",))
        kept = col(JobRow.name).like("poll:%") | col(JobRow.name).like("reconcile:%")
        kept |= col(JobRow.name).like("bounces:%")
        stale = col(JobRow.name).not_in(list(jobs)) & ~kept
        session.execute(delete(JobRow).where(stale).execution_options(synchronize_session=False))


def drain_jobs(ctx: Context, jobs: dict[str, Job], lane: str = JOBS) -> int:
    """Run one due job of a lane; returns how many were run."""
    token = ctx.token()
    with ctx.ledger.write() as session:
        rows = claims.claim(session, JobRow, lane, token=token, now=ctx.clock(), limit=1)
    for row in rows:
        job = jobs.get(row.name)
        memo = dict(row.memo)
        try:
            wait = job.run(memo) if job else timedelta(hours=1)
        except Exception:  # a failing job must neither stop the others nor the engine
            log.exception("job failed name=%s", row.name)
            wait = AFTER_A_FAILURE
        with ctx.ledger.write() as session:
            values: dict[str, Any] = {"state": "pending", "due_at": ctx.clock() + wait}
            values |= {"memo": memo} if memo != row.memo else {}
            claims.settle(session, JobRow, row.id or 0, token=token, values=values)
    return len(rows)


def _then(_done: int, wait: timedelta) -> timedelta:
    return wait
