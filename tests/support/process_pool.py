"""Real processes of the product that start in a fraction of the time: forked from one that has imported it already."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

POLL_INTERVAL_SECONDS = 0.01


class ChildProcess:
    """One process.

    Attributes:
        pid: its id.
        returncode: its exit code (negative: the signal), once it has ended and somebody asked.
    """

    def __init__(self, process_pool: ProcessPool, pid: int) -> None:
        self._nursery, self.pid = process_pool, pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit code, or none while it lives."""
        if self.returncode is None:
            self.returncode = self._nursery.ask(reap=self.pid)
        return self.returncode

    def wait(self, seconds: float = 60.0) -> int:
        """Wait for its end; the exit code."""
        deadline = time.monotonic() + seconds
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"process {self.pid} still lives after {seconds} s")
            time.sleep(POLL_INTERVAL_SECONDS)
        return code

    def send(self, number: signal.Signals) -> None:
        """Send a signal; one that has ended already does not mind."""
        if self.poll() is None:
            os.kill(self.pid, number)


class ProcessPool:
    """Where processes are born. A context manager; what still lives at its end is killed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fork_server = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("fork_server.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._fork_server.stdin is not None
        assert self._fork_server.stdout is not None
        self._fork_server.stdin.close()
        self._fork_server.stdout.close()
        self._fork_server.wait(30)

    def spawn(self, *arguments: str, environ: Mapping[str, str], log: Path) -> ChildProcess:
        """A process that runs one command; what it says goes to the end of a file."""
        return ChildProcess(self, self.ask(spawn=arguments, environ=dict(environ), log=str(log)))

    def ask(self, **order: Any) -> Any:
        """Give the fork_server one order; its answer."""
        assert self._fork_server.stdin is not None
        assert self._fork_server.stdout is not None
        with self._lock:
            self._fork_server.stdin.write(json.dumps(order).encode() + b"\n")
            self._fork_server.stdin.flush()
            return json.loads(self._fork_server.stdout.readline())
