"""The heart of a process: every few seconds it holds on to what it works on, and takes over what others left behind."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from nps_connect.flows.context import Context
from nps_connect.flows.delivering.recover import TABLES, recover
from nps_connect.ledger import claims, workers

log = logging.getLogger(__name__)

BEAT = 8.0
"""Seconds between two beats: a lease outlives three of them."""


class Heart:
    """Beats in a thread of its own.

    Args:
        ctx: the joined parts.
        role: `run`, `serve` or `worker`.
        hung: told the lane of every thread that has shown no progress within the deadline.
    """

    def __init__(self, ctx: Context, role: str, hung: Callable[[str], None] = lambda _lane: None) -> None:
        self._ctx = ctx
        self._role = role
        self._hung = hung
        self._id = ctx.token()
        self._started_at = ctx.clock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heart", daemon=True)

    def start(self) -> None:
        """Beat once, then regularly."""
        self.beat()
        self._thread.start()

    def stop(self) -> None:
        """Beat no more, and say goodbye."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(BEAT)
        try:
            with self._ctx.ledger.write() as session:
                workers.gone(session, self._id)
        except Exception:  # noqa: BLE001  # the database may be away; others see the silence
            log.warning("the database is away: this process could not say goodbye")

    def beat(self) -> None:
        """Renew the leases (before looking at anybody's, so that a jump of the clock costs nothing), then take over."""
        for hand in self._ctx.leases.give_up(self._ctx.settings.delivery.deadline.total_seconds()):
            log.error("no answer within the deadline: the thread is given up lane=%s", hand.doing)
            self._hung(hand.doing)
        now = self._ctx.clock()
        tokens = self._ctx.leases.tokens()
        with self._ctx.ledger.write() as session:
            if tokens:
                for table in TABLES:
                    claims.renew(session, table, tokens, now=now)
            workers.seen(
                session,
                self._id,
                role=self._role,
                started_at=self._started_at,
                doing=self._ctx.leases.doing(),
                now=now,
            )
        recover(self._ctx, after_restart=False)

    def _run(self) -> None:
        while not self._stopping.wait(BEAT):
            try:
                self.beat()
            except Exception:  # the database may be away for a while
                log.exception("a heartbeat failed")
