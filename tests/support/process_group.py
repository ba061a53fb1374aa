"""The processes of one product, and what is done to them: killed, stopped in good order, started again."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from support.process_pool import ChildProcess, ProcessPool

from nps_connect.sandbox.product_process import ProductProcess

EMBEDDED_COMMANDS = ("run",)
CLUSTER_COMMANDS = ("serve", "worker", "worker")
READY_MARKER = b" is up"
START_TIMEOUT_SECONDS = 60.0


class ManagedProcess:
    """One place of the fleet: the process that holds it now, and its log.

    Args:
        stage: whose configuration it uses.
        process_pool: where it is born.
        command: `run`, `serve` or `worker`.
        place: its number in the fleet.
    """

    def __init__(self, stage: ProductProcess, process_pool: ProcessPool, command: str, place: int) -> None:
        self.command = command
        self.log = stage.log.with_name(f"{command}-{place}.log")
        self._stage, self._nursery = stage, process_pool
        self._said = 0
        self.child: ChildProcess | None = None

    def start(self) -> None:
        """Begin to run."""
        self.log.touch()
        self._said = self.log.stat().st_size
        self.child = self._nursery.spawn(
            "--config", str(self._stage.config), self.command, environ=self._stage.environ, log=self.log
        )

    def wait_until_up(self) -> None:
        """Wait until it says that it is up; one that ends by itself before is a failure."""
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while READY_MARKER not in self.words():
            assert self.child is not None
            assert self.child.poll() is None, f"{self.command} ended with {self.child.returncode}: {self.log_tail()}"
            assert time.monotonic() < deadline, (
                f"{self.command} is not up in {START_TIMEOUT_SECONDS} s: {self.log_tail()}"
            )
            time.sleep(0.02)

    def words(self) -> bytes:
        """What it has said since its last start."""
        with self.log.open("rb") as log:
            log.seek(self._said)
            return log.read()

    def log_tail(self) -> str:
        """The end of its log, for a failure."""
        return self.words()[-2000:].decode(errors="replace")

    def kill(self) -> None:
        """SIGKILL, and away."""
        self._end(signal.SIGKILL)

    def stop(self, seconds: float = 40.0) -> int:
        """SIGTERM; its exit code."""
        return self._end(signal.SIGTERM, seconds)

    def _end(self, number: signal.Signals, seconds: float = 40.0) -> int:
        assert self.child is not None
        self.child.send(number)
        return self.child.wait(seconds)


class ProcessGroup:
    """All processes of one product. A context manager: all are up inside, and stopped in good order after.

    Args:
        stage: the product.
        process_pool: where they are born.
        commands: one for each process.
    """

    def __init__(self, stage: ProductProcess, process_pool: ProcessPool, commands: Sequence[str]) -> None:
        self.processes = [ManagedProcess(stage, process_pool, command, place) for place, command in enumerate(commands)]

    def __enter__(self) -> Self:
        for process in self.processes:
            process.start()
        for process in self.processes:
            process.wait_until_up()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        codes = [process.stop() for process in self.processes]
        assert error is not None or set(codes) == {0}, f"not all ended in good order: {codes}"


class FaultInjector(threading.Thread):
    """Does something to the fleet, again and again at moments left to chance, as often as wanted.

    Args:
        act: what is done; whatever it raises ends the torment and is raised by `join_all`.
        times: how often.
        chance: of the moments.
        pause: between two acts, in seconds from and to.
    """

    def __init__(
        self, act: Callable[[], object], times: int, chance: random.Random, pause: tuple[float, float] = (0.1, 2.0)
    ) -> None:
        super().__init__(daemon=True)
        self._act, self._times, self._chance, self._pause = act, times, chance, pause
        self.done = 0
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            while self.done < self._times:
                time.sleep(self._chance.uniform(*self._pause))
                self._act()
                self.done += 1
        except BaseException as error:  # noqa: BLE001  # told to whoever waits for the end
            self.error = error

    def finish(self) -> None:
        """Wait until it has been done often enough."""
        self.join()
        if self.error is not None:
            raise self.error


def kill_and_restart_one(fleet: ProcessGroup, chance: random.Random) -> Callable[[], None]:
    """An act: SIGKILL one process, start it again at once, wait until it is up."""

    def act() -> None:
        process = chance.choice(fleet.processes)
        process.kill()
        process.start()
        process.wait_until_up()

    return act
