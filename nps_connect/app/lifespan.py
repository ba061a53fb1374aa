"""At work: everything that runs beside the web pages, begun and ended in the right order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nps_connect.app.application import Application
from nps_connect.services.deliveries.circuit_breaker import record_hang
from nps_connect.services.deliveries.recover import recover
from nps_connect.worker.engine import Engine
from nps_connect.worker.gc_tuning import reduced_gc
from nps_connect.worker.heartbeat import Heartbeat
from nps_connect.worker.notifier import Notifier, WakeCallback


@contextmanager
def worker_lifespan(application: Application, *, role: str, is_sole_process: bool) -> Iterator[Engine]:
    """Work off queues until the end of the block; running calls finish, the rest is given back.

    Args:
        application: the joined parts.
        role: `run` or `worker`.
        alone: no other process can be working: everything that was running is taken back at once.
    """
    ctx = application.ctx
    recover(ctx, after_restart=is_sole_process)
    engine = application.engine()

    def give_up(queue_name: str) -> None:
        engine.replace(queue_name)
        record_hang(ctx, queue_name)

    heart = Heartbeat(ctx, role, give_up)
    carrier = _build_notifier(application, engine.wake)

    def ring(queue_name: str) -> None:
        if not engine.wake(queue_name) and carrier is not None:
            carrier.wake(queue_name)

    application.bell.forward_to = ring
    heart.start()
    engine.start()
    if carrier is not None:
        carrier.start()
    try:
        with reduced_gc():
            yield engine
    finally:
        if carrier is not None:
            carrier.stop()
        engine.stop()
        heart.stop()


@contextmanager
def web_lifespan(application: Application) -> Iterator[None]:
    """Tell the workers, until the end of the block, of what comes in; and let it be seen that this process lives."""
    heart, carrier = Heartbeat(application.ctx, "serve"), _build_notifier(application, None)
    heart.start()
    if carrier is not None:
        application.bell.forward_to = carrier.wake
        carrier.start()
    try:
        yield
    finally:
        if carrier is not None:
            carrier.stop()
        heart.stop()


def _build_notifier(application: Application, heard: WakeCallback | None) -> Notifier | None:
    """The carrier of a cluster; none on SQLite, where one process is all there is."""
    ledger = application.ctx.ledger
    if ledger.is_sqlite:
        return None
    from nps_connect.worker.procrastinate_notifier import ProcrastinateNotifier

    return ProcrastinateNotifier(ledger.libpq_url, heard)
