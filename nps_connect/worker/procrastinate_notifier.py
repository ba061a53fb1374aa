"""Wake-ups between the processes of a cluster, by procrastinate on the ledger's PostgreSQL.

A wake-up lets another process look at a queue within milliseconds. Nothing durable lives in it: a lost wake-up delays
work by the engine's poll interval. There is one task, ``drain(queue_name)``, of which at most one job per queue waits
(`queueing_lock`; a `lock` would stay behind when a worker dies). The procrastinate worker needs an async connector, so
all of it runs in one thread with its own event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable
from typing import Any

import psycopg.conninfo
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued

from nps_connect.ledger.columns import JOBS_QUEUE
from nps_connect.ledger.procrastinate_schema import PROCRASTINATE_SCHEMA

log = logging.getLogger(__name__)

WakeCallback = Callable[[str], object]
"""Called with the name of a queue."""

TASK_QUEUE = "queues"
POLL_SECONDS = 0.5
"""Seconds between polls: a notification that arrives during a fetch is lost, and only the poll finds its job."""

RECONNECT_SECONDS = 1.0
TASK_CONCURRENCY = 8


class ProcrastinateNotifier:
    """Sends wake-ups to the other processes, and receives theirs.

    Args:
        url: of the database, in the form of libpq.
        on_wake: called with each queue whose wake-up arrives; None means that this process only sends.
    """

    def __init__(self, url: str, on_wake: WakeCallback | None = None) -> None:
        self._conninfo = psycopg.conninfo.make_conninfo(url, options=f"-c search_path={PROCRASTINATE_SCHEMA}")
        self._on_wake = on_wake
        self._pending_queues: set[str] = set()
        self._lock = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._has_pending = asyncio.Event()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="notifier", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def wake(self, queue_name: str) -> None:
        """Send a wake-up for a queue to one listening process; never blocks, never raises. Repeated ones are merged."""
        with self._lock:
            self._pending_queues.add(queue_name)
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._has_pending.set)

    def stop(self) -> None:
        """Stop sending and receiving."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._stopping.set)
        if self._thread.is_alive():
            self._thread.join(10)

    def _run(self) -> None:
        with contextlib.closing(self._loop):
            self._loop.run_until_complete(self._run_until_stopped())

    async def _run_until_stopped(self) -> None:
        """Reconnect after every failure of the database, until `stop`."""
        while not self._stopping.is_set():
            try:
                await self._run_connected()
            except Exception as error:  # noqa: BLE001  # it must outlive every failure of the database
                log.warning("wake_ups_interrupted reason=%s fallback=polling", type(error).__name__)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), RECONNECT_SECONDS)

    async def _run_connected(self) -> None:
        app = _build_app(self._conninfo, self._on_wake)
        async with app.open_async():
            tasks = [asyncio.create_task(self._send_wake_ups(app)), asyncio.create_task(self._stopping.wait())]
            if self._on_wake is not None:
                tasks.append(asyncio.create_task(_run_worker(app)))
            done, unfinished = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in unfinished:
                task.cancel()
            await asyncio.gather(*unfinished, return_exceptions=True)
            for task in done:
                task.result()

    async def _send_wake_ups(self, app: App) -> None:
        while True:
            await self._has_pending.wait()
            self._has_pending.clear()
            with self._lock:
                queues, self._pending_queues = self._pending_queues, set()
            for queue_name in sorted(queues):
                with contextlib.suppress(AlreadyEnqueued):
                    await app.configure_task("drain", queue=TASK_QUEUE, queueing_lock=queue_name).defer_async(
                        queue_name=queue_name
                    )


def _build_app(conninfo: str, on_wake: WakeCallback | None) -> App:
    app = App(connector=PsycopgConnector(conninfo=conninfo, min_size=1, max_size=4))

    @app.task(name="drain", queue=TASK_QUEUE)
    async def drain(queue_name: str) -> None:
        if on_wake is not None:
            on_wake(queue_name)

    @app.periodic(cron="* * * * * */10")
    @app.task(name="tick", queue=TASK_QUEUE, queueing_lock="tick")
    async def tick(timestamp: int) -> None:  # noqa: ARG001  # every periodic task receives it
        """Check the periodic jobs every ten seconds, in one process of the cluster."""
        if on_wake is not None:
            on_wake(JOBS_QUEUE)

    @app.periodic(cron="* * * * *")
    @app.task(name="retry_stalled", queue=TASK_QUEUE, queueing_lock="retry_stalled")
    async def retry_stalled(timestamp: int) -> None:  # noqa: ARG001
        """Give the jobs of dead workers to others."""
        for job in await app.job_manager.get_stalled_jobs():
            await app.job_manager.retry_job(job)

    return app


async def _run_worker(app: App) -> None:
    options: dict[str, Any] = {
        "queues": [TASK_QUEUE],
        "concurrency": TASK_CONCURRENCY,
        "fetch_job_polling_interval": POLL_SECONDS,
        "install_signal_handlers": False,
        "delete_jobs": "always",
        "shutdown_graceful_timeout": 2,
    }
    await app.run_worker_async(**options)
