"""`ConnectionLimiter`: how many connections clients may hold, for how long, and how much they may log."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable
from typing import Literal, Protocol

log = logging.getLogger("nps_connect.web")

MAX_CONNECTIONS = 800
"""Below the usual limit of 1,024 open files of a process, which also has files and database connections open."""

HEAD_TIMEOUT_SECONDS = 10.0
WRITE_TIMEOUT_SECONDS = 30.0
LINGER_SECONDS = 2.0
LOG_INTERVAL_SECONDS = 60.0

ClientFault = Literal["invalid_request", "too_large", "slow_head", "slow_reader", "connection_limit"]


class HttpConnection(Protocol):
    """What the limiter needs of a connection."""

    transport: asyncio.Transport


class ClientFaultLog:
    """Logs faults of clients: each kind at most once a minute, with their number since the last line.

    Args:
        clock: monotonic, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: Counter[ClientFault] = Counter()
        self._next_line_at: dict[ClientFault, float] = {}

    def record(self, fault: ClientFault) -> None:
        """Count a fault; log it if its kind was not logged within the last minute."""
        now = self._clock()
        self._counts[fault] += 1
        if now >= self._next_line_at.get(fault, now):
            self._next_line_at[fault] = now + LOG_INTERVAL_SECONDS
            log.warning("client_fault kind=%s count=%d", fault, self._counts.pop(fault))


class ConnectionLimiter:
    """Limits of one server, shared by its connections.

    A connection is idle while it has no request in progress: it waits for a head or sends one, or its unread body is
    discarded. Over the limit the connection that has been idle longest makes room: whoever opens many and sends
    nothing displaces their own.

    Attributes:
        head_timeout: how long a connection may take to send a whole head, in seconds.
        write_timeout: how long a client may leave a response unread, in seconds.
        linger: how long the rest of an unread body is discarded before the connection closes, in seconds.
        faults: the log of clients' faults.
    """

    def __init__(
        self,
        *,
        max_connections: int = MAX_CONNECTIONS,
        head_timeout: float = HEAD_TIMEOUT_SECONDS,
        write_timeout: float = WRITE_TIMEOUT_SECONDS,
        linger: float = LINGER_SECONDS,
    ) -> None:
        self.head_timeout, self.write_timeout, self.linger = head_timeout, write_timeout, linger
        self.faults = ClientFaultLog()
        self._max_connections = max_connections
        self._open: set[HttpConnection] = set()
        self._idle: dict[HttpConnection, None] = {}

    def admit(self, connection: HttpConnection) -> bool:
        """Register a new connection as idle; return False if the limit is reached and no other one is idle."""
        if len(self._open) >= self._max_connections:
            self.faults.record("connection_limit")
            longest_idle = next(iter(self._idle), None)
            if longest_idle is None:
                return False
            self.remove(longest_idle)
            longest_idle.transport.abort()
        self._open.add(connection)
        self._idle[connection] = None
        return True

    def mark_busy(self, connection: HttpConnection) -> None:
        """Record that a request is in progress."""
        self._idle.pop(connection, None)

    def mark_idle(self, connection: HttpConnection) -> None:
        """Record that no request is in progress any more."""
        if connection in self._open:
            self._idle[connection] = None

    def remove(self, connection: HttpConnection) -> None:
        """Forget a closed connection."""
        self._open.discard(connection)
        self._idle.pop(connection, None)
