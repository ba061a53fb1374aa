"""At work: everything that runs beside the web pages, begun and ended in the right order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nps_connect.flows.delivering.recover import recover
from nps_connect.flows.minding.health import hung
from nps_connect.wiring.application import Application
from nps_connect.worker.carrier import Carrier, Heard
from nps_connect.worker.engine import Engine
from nps_connect.worker.garbage import seldom_collected
from nps_connect.worker.heart import Heart


@contextmanager
def at_work(application: Application, *, role: str, alone: bool) -> Iterator[Engine]:
    """Work off lanes until the end of the block; running calls finish, the rest is given back.

    Args:
        application: the joined parts.
        role: `run` or `worker`.
        alone: no other process can be working: everything that was running is taken back at once.
    """
    ctx = application.ctx
    recover(ctx, after_restart=alone)
    engine = application.engine()

    def give_up(lane: str) -> None:
        engine.replace(lane)
        hung(ctx, lane)

    heart = Heart(ctx, role, give_up)
    carrier = _carrier(application, engine.wake)

    def ring(lane: str) -> None:
        if not engine.wake(lane) and carrier is not None:
            carrier.wake(lane)

    application.bell.ring = ring
    heart.start()
    engine.start()
    if carrier is not None:
        carrier.start()
    try:
        with seldom_collected():
            yield engine
    finally:
        if carrier is not None:
            carrier.stop()
        engine.stop()
        heart.stop()


@contextmanager
def at_the_door(application: Application) -> Iterator[None]:
    """Tell the workers, until the end of the block, of what comes in; and let it be seen that this process lives."""
    heart, carrier = Heart(application.ctx, "serve"), _carrier(application, None)
    heart.start()
    if carrier is not None:
        application.bell.ring = carrier.wake
        carrier.start()
    try:
        yield
    finally:
        if carrier is not None:
            carrier.stop()
        heart.stop()


def _carrier(application: Application, heard: Heard | None) -> Carrier | None:
    """The carrier of a cluster; none on SQLite, where one process is all there is."""
    ledger = application.ctx.ledger
    if ledger.is_sqlite:
        return None
    from nps_connect.worker.cluster import ClusterCarrier

    return ClusterCarrier(ledger.libpq_url, heard)
