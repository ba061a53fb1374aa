"""The heartbeat of a process: renews its leases, recovers rows of dead workers, checks the database's identity."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from nps_connect.errors import NpsConnectError
from nps_connect.ledger import claims, workers
from nps_connect.ledger.observations import record_observation
from nps_connect.services.context import Context
from nps_connect.services.deliveries.in_doubt import CLAIMABLE_TABLES, recover
from nps_connect.services.operations.database_identity import check_identity
from nps_connect.services.operations.future_moments import correct_due_times, correct_waits
from nps_connect.services.operations.operator_pauses import adopt_pause_marker
from nps_connect.services.operations.vendor_findings import record_announced_ends
from nps_connect.settings.effective import fingerprint
from nps_connect.worker.jobs import build_jobs

log = logging.getLogger(__name__)

HEARTBEAT_INTERVAL_SECONDS = 8.0
"""Seconds between two heartbeats: a lease (30 s) outlives three of them."""

DUE_TIMES_INTERVAL = timedelta(minutes=10)
"""How often queued work is checked for due times that a wrong clock has set."""

IDENTITY_INTERVAL = timedelta(minutes=1)
"""How often the identity of the database is compared and its counter raised: older backups are noticed."""


class Heartbeat:
    """Sends heartbeats in its own thread.

    Args:
        ctx: the application's parts.
        role: `run`, `serve` or `worker`.
        on_hang: called with the queue of each thread without progress within the delivery deadline.
    """

    def __init__(self, ctx: Context, role: str, on_hang: Callable[[str], None] = lambda _queue_name: None) -> None:
        self._ctx = ctx
        self._role = role
        self._on_hang = on_hang
        self._worker_id = ctx.token()
        self._started_at = ctx.clock()
        self._config_fingerprint = fingerprint(ctx.settings)
        self._identity_checked_at = self._due_times_checked_at = self._started_at - DUE_TIMES_INTERVAL
        self._job_intervals = {job.name: job.interval for job in build_jobs(ctx).values()}
        self._foreign_request_at: datetime | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Send a heartbeat now, then regularly."""
        self.run_once()
        self._thread.start()

    def stop(self) -> None:
        """Stop the heartbeat and deregister this process."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(HEARTBEAT_INTERVAL_SECONDS)
        try:
            self._check_identity()
            with self._ctx.ledger.write() as session:
                workers.deregister_worker(session, self._worker_id)
        except Exception as error:  # noqa: BLE001  # the row expires without heartbeats
            log.warning("worker_not_deregistered reason=%s", type(error).__name__)

    def run_once(self) -> None:
        """Abandon hanging threads, renew the leases, and then recover expired ones.

        In this order a jump of the wall clock cannot expire leases of this process.
        """
        for holder in self._ctx.leases.abandon_stalled(self._ctx.settings.delivery.deadline.total_seconds()):
            log.error("thread_abandoned queue=%s reason=deadline_exceeded", holder.queue_name)
            self._on_hang(holder.queue_name)
        self._ctx.ledger.check_disk()
        now = self._ctx.clock()
        leases = self._ctx.leases
        tokens, renewal_began_at = leases.active_tokens(), leases.monotonic()
        with self._ctx.ledger.write() as session:
            if tokens:
                for table in CLAIMABLE_TABLES:
                    claims.renew(session, table, tokens, now=now)
            workers.record_heartbeat(
                session,
                self._worker_id,
                role=self._role,
                started_at=self._started_at,
                queues=self._ctx.leases.busy_queues(),
                config_fingerprint=self._config_fingerprint,
                now=now,
            )
        leases.record_renewal(renewal_began_at)
        recover(self._ctx, after_restart=False)
        if self._ctx.ledger.holds_erased_log or not self._ctx.leases.busy_queues():
            self._ctx.ledger.checkpoint()
        self._ctx.journal.flush()
        record_announced_ends(self._ctx)
        self._record_foreign_request()
        correct_waits(self._ctx, self._job_intervals)
        if _is_over(self._due_times_checked_at, DUE_TIMES_INTERVAL, now):
            self._due_times_checked_at = now
            correct_due_times(self._ctx)
        # Last: a full disk of the state directory must not end leases.
        adopt_pause_marker(self._ctx.ledger, self._ctx.state_dir, now)
        if _is_over(self._identity_checked_at, IDENTITY_INTERVAL, now):
            self._identity_checked_at = now
            self._check_identity()

    def _record_foreign_request(self) -> None:
        at = self._ctx.foreign_request.at
        if at is not None and at != self._foreign_request_at:
            with self._ctx.ledger.write() as session:
                record_observation(session, "foreign_request", "", now=at)
            self._foreign_request_at = at

    def _check_identity(self) -> None:
        check_identity(self._ctx.ledger, self._ctx.state_dir, self._ctx.clock())

    def _run(self) -> None:
        while not self._stopping.wait(HEARTBEAT_INTERVAL_SECONDS):
            try:
                self.run_once()
            except NpsConnectError as error:
                log.error("heartbeat_failed reason=%s", error)
            except Exception:  # the heartbeat must outlive an outage of the database
                log.exception("heartbeat_failed")
            self._ctx.ledger.storage.log_problem()


def _is_over(since: datetime, interval: timedelta, now: datetime) -> bool:
    """Return whether an interval is over, also if the clock was set back since."""
    return not since <= now < since + interval
