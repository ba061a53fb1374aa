"""The processes of one product, which tests kill, stop and restart."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from support.process_clock import ProcessClock
from support.process_pool import ChildProcess, ProcessPool

from nps_connect.sandbox.product_process import ProductProcess

EMBEDDED_COMMANDS = ("run",)
CLUSTER_COMMANDS = ("serve", "worker", "worker")
READY_MARKER = b" is up"
START_TIMEOUT_SECONDS = 180.0
"""Far longer than a start takes, for a machine with other work."""


class ManagedProcess:
    """One process of a group, which can be restarted, and its log.

    Args:
        product: the product whose configuration it uses.
        process_pool: the pool that starts it.
        command: `run`, `serve` or `worker`.
        index: its position in the group.

    Attributes:
        clock: its clock, if the pool is `faketime_pool`.
    """

    def __init__(self, product: ProductProcess, process_pool: ProcessPool, command: str, index: int) -> None:
        self.command = command
        self.log = product.log.with_name(f"{command}-{index}.log")
        self.clock = ProcessClock(product.log.with_name(f"{command}-{index}.clock"))
        self._product, self._process_pool = product, process_pool
        self._log_start = 0
        self.child: ChildProcess | None = None

    def start(self) -> None:
        """Start the process."""
        self.log.touch()
        self._log_start = self.log.stat().st_size
        self.child = self._process_pool.spawn(
            "--config",
            str(self._product.config),
            self.command,
            environ=self._product.environ | self.clock.environ,
            log=self.log,
        )

    def wait_until_ready(self) -> None:
        """Wait until its log contains the ready marker; fail if it ends before."""
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while READY_MARKER not in self.log_since_start():
            assert self.child is not None
            assert self.child.poll() is None, f"{self.command} exited with {self.child.returncode}: {self.log_tail()}"
            assert time.monotonic() < deadline, (
                f"{self.command} is not ready after {START_TIMEOUT_SECONDS} s: {self.log_tail()}"
            )
            time.sleep(0.02)

    def log_since_start(self) -> bytes:
        """Return its log since the last start."""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read()

    def log_tail(self) -> str:
        """Return the end of its log for error messages."""
        return self.log_since_start()[-2000:].decode(errors="replace")

    def freeze(self) -> None:
        """Stop its execution by SIGSTOP, wherever it is."""
        assert self.child is not None
        self.child.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on after `freeze`."""
        assert self.child is not None
        self.child.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """Send SIGKILL and wait for the end."""
        self._signal(signal.SIGKILL)

    def stop(self, seconds: float = 40.0) -> int:
        """Send SIGTERM, wait for the end and return the exit code."""
        return self._signal(signal.SIGTERM, seconds)

    def _signal(self, number: signal.Signals, seconds: float = 40.0) -> int:
        assert self.child is not None
        self.child.send_signal(number)
        return self.child.wait(seconds)


class ProcessGroup:
    """All processes of one product; a context manager that starts them all and stops them gracefully.

    Args:
        product: the product.
        process_pool: the pool that starts them.
        commands: one command per process.
    """

    def __init__(self, product: ProductProcess, process_pool: ProcessPool, commands: Sequence[str]) -> None:
        self.processes = [
            ManagedProcess(product, process_pool, command, index) for index, command in enumerate(commands)
        ]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self.stop()
        else:
            for process in self.processes:
                process.kill()

    def start(self) -> None:
        """Start all processes and wait until they are ready."""
        for process in self.processes:
            process.start()
        for process in self.processes:
            process.wait_until_ready()

    def stop(self) -> None:
        """Stop all processes gracefully."""
        codes = [process.stop() for process in self.processes]
        assert set(codes) == {0}, f"not all processes shut down gracefully: {codes}"


class FaultInjector(threading.Thread):
    """A thread that injects a fault a number of times, at random moments.

    Args:
        inject: injects the fault; an exception ends the thread and is raised by `finish`.
        count: how often to inject it.
        rng: chooses the moments.
        pause_range: the shortest and longest pause before a fault, in seconds.

    Attributes:
        injected_count: how often the fault was injected so far.
    """

    def __init__(
        self,
        inject: Callable[[], object],
        count: int,
        rng: random.Random,
        pause_range: tuple[float, float] = (0.1, 2.0),
    ) -> None:
        super().__init__(daemon=True)
        self._inject, self._count, self._rng, self._pause_range = inject, count, rng, pause_range
        self.injected_count = 0
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            while self.injected_count < self._count:
                time.sleep(self._rng.uniform(*self._pause_range))
                self._inject()
                self.injected_count += 1
        except BaseException as error:  # noqa: BLE001  # raised by finish
            self.error = error

    def finish(self) -> None:
        """Wait until all faults are injected."""
        self.join()
        if self.error is not None:
            raise self.error


def kill_and_restart_one(process_group: ProcessGroup, rng: random.Random) -> Callable[[], None]:
    """Return a function that kills a random process, restarts it and waits until it is ready."""

    def kill_and_restart() -> None:
        process = rng.choice(process_group.processes)
        process.kill()
        process.start()
        process.wait_until_ready()

    return kill_and_restart
