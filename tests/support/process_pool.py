"""Product processes that start fast: they are forked from a process that has imported the product."""

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
from types import MappingProxyType, TracebackType
from typing import Any, Self

POLL_INTERVAL_SECONDS = 0.01


class ChildProcess:
    """A process started by a pool.

    Attributes:
        pid: its process id.
        returncode: its exit code (negative: the signal) after `poll` or `wait` saw its end.
    """

    def __init__(self, process_pool: ProcessPool, pid: int) -> None:
        self._process_pool, self.pid = process_pool, pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, or None while it is running."""
        if self.returncode is None:
            self.returncode = self._process_pool.request(reap=self.pid)
        return self.returncode

    def wait(self, seconds: float = 60.0) -> int:
        """Wait for its end and return the exit code."""
        deadline = time.monotonic() + seconds
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"process {self.pid} is still running after {seconds} s")
            time.sleep(POLL_INTERVAL_SECONDS)
        return code

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal unless the process has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)


class ProcessPool:
    """Starts processes; a context manager that kills the remaining ones on exit.

    Args:
        environ: further environment variables of the process that all others are forked from.
    """

    def __init__(self, environ: Mapping[str, str] = MappingProxyType({})) -> None:
        self._lock = threading.Lock()
        self._fork_server = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("fork_server.py"))],
            env=os.environ | environ,
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
        """Start a process that runs one command and appends its output to a file."""
        return ChildProcess(self, self.request(spawn=arguments, environ=dict(environ), log=str(log)))

    def request(self, **message: Any) -> Any:
        """Send one request to the fork server and return its reply."""
        assert self._fork_server.stdin is not None
        assert self._fork_server.stdout is not None
        with self._lock:
            self._fork_server.stdin.write(json.dumps(message).encode() + b"\n")
            self._fork_server.stdin.flush()
            return json.loads(self._fork_server.stdout.readline())
