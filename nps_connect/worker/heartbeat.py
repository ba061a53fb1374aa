"""The heart of a process: every few seconds it holds on to what it works on, and takes over what others left behind."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from nps_connect.ledger import claims, workers
from nps_connect.services.context import Context
from nps_connect.services.deliveries.recover import CLAIMABLE_TABLES, recover

log = logging.getLogger(__name__)

HEARTBEAT_INTERVAL_SECONDS = 8.0
"""Seconds between two beats: a lease outlives three of them."""


class Heartbeat:
    """Beats in a thread of its own.

    Args:
        ctx: the joined parts.
        role: `run`, `serve` or `worker`.
        hung: told the queue of every thread that has shown no progress within the deadline.
    """

    def __init__(self, ctx: Context, role: str, hung: Callable[[str], None] = lambda _queue_name: None) -> None:
        self._ctx = ctx
        self._role = role
        self._hung = hung
        self._id = ctx.token()
        self._started_at = ctx.clock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heart", daemon=True)

    def start(self) -> None:
        """Beat once, then regularly."""
        self.run_once()
        self._thread.start()

    def stop(self) -> None:
        """Beat no more, and say goodbye."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(HEARTBEAT_INTERVAL_SECONDS)
        try:
            with self._ctx.ledger.write() as session:
                workers.deregister_worker(session, self._id)
        except Exception:  # noqa: BLE001  # the database may be away; others see the silence
            log.warning("the database is away: this process could not say goodbye")

    def run_once(self) -> None:
        """Renew the leases (before looking at anybody's, so that a jump of the clock costs nothing), then take over."""
        for hand in self._ctx.leases.abandon(self._ctx.settings.delivery.deadline.total_seconds()):
            log.error("no answer within the deadline: the thread is given up queue=%s", hand.doing)
            self._hung(hand.doing)
        now = self._ctx.clock()
        tokens = self._ctx.leases.tokens()
        with self._ctx.ledger.write() as session:
            if tokens:
                for table in CLAIMABLE_TABLES:
                    claims.renew(session, table, tokens, now=now)
            workers.record_heartbeat(
                session,
                self._id,
                role=self._role,
                started_at=self._started_at,
                doing=self._ctx.leases.doing(),
                now=now,
            )
        recover(self._ctx, after_restart=False)

    def _run(self) -> None:
        while not self._stopping.wait(HEARTBEAT_INTERVAL_SECONDS):
            try:
                self.run_once()
            except Exception:  # the database may be away for a while
                log.exception("a heartbeat failed")
