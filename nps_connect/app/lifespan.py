"""Start and stop everything that runs in the background of a process, in the right order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from nps_connect.app.application import Application
from nps_connect.services.deliveries.circuit_breaker import record_hang
from nps_connect.services.deliveries.in_doubt import recover
from nps_connect.services.deliveries.quiet_hours import recheck_quiet_hours
from nps_connect.services.responses.figure_settings import record_first_settings
from nps_connect.worker.engine import Engine
from nps_connect.worker.gc_tuning import reduced_gc
from nps_connect.worker.heartbeat import Heartbeat

if TYPE_CHECKING:
    from nps_connect.worker.procrastinate_notifier import ProcrastinateNotifier


@contextmanager
def worker_lifespan(application: Application, *, role: str, is_sole_process: bool) -> Iterator[Engine]:
    """Drain queues until the end of the block; then running calls finish and other claims are released.

    Args:
        application: the application.
        role: `run` or `worker`.
        is_sole_process: no other process can be working: every running row is recovered first.
    """
    ctx = application.ctx
    recover(ctx, after_restart=is_sole_process)
    with ctx.ledger.write() as session:
        recheck_quiet_hours(session, ctx.clock())  # the configuration may have changed
        record_first_settings(session, ctx.settings.core.zone, ctx.dimensions)
    engine = application.create_engine()

    def replace_hung_thread(queue_name: str) -> None:
        engine.replace_thread(queue_name)
        record_hang(ctx, queue_name)

    heartbeat = Heartbeat(ctx, role, replace_hung_thread)
    notifier = _build_notifier(application, engine.wake)

    def wake(queue_name: str) -> None:
        if not engine.wake(queue_name) and notifier is not None:
            notifier.wake(queue_name)

    application.ctx.wake.forward_to = wake
    heartbeat.start()
    engine.start()
    if notifier is not None:
        notifier.start()
    try:
        with reduced_gc():
            yield engine
    finally:
        if notifier is not None:
            notifier.stop()
        engine.stop()
        heartbeat.stop()


@contextmanager
def web_lifespan(application: Application) -> Iterator[None]:
    """Send heartbeats, and wake-ups to the worker processes, until the end of the block."""
    heartbeat, notifier = Heartbeat(application.ctx, "serve"), _build_notifier(application, None)
    heartbeat.start()
    if notifier is not None:
        application.ctx.wake.forward_to = notifier.wake
        notifier.start()
    try:
        yield
    finally:
        if notifier is not None:
            notifier.stop()
        heartbeat.stop()


def _build_notifier(application: Application, on_wake: Callable[[str], object] | None) -> ProcrastinateNotifier | None:
    """Return the notifier of a cluster; None on SQLite, where there is only one process."""
    ledger = application.ctx.ledger
    if ledger.is_sqlite:
        return None
    from nps_connect.worker.procrastinate_notifier import ProcrastinateNotifier

    return ProcrastinateNotifier(ledger.libpq_url, on_wake)
