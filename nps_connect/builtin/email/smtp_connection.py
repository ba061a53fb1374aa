"""`smtplib.SMTP` with one deadline for all reads and writes, and dot-stuffing."""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
import time
from typing import Any

from nps_connect.builtin.email.relay import Relay

MAX_LINE_BYTES = 8_192
MAX_LINES = 100
_LONE_BREAK = re.compile(rb"(?<!\r)\n|\r(?!\n)")
_LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)


def dot_stuff(mail: bytes) -> bytes:
    """Return the mail as DATA requires it: CRLF only, leading dots doubled (RFC 5321, 4.5.2), final line break."""
    lines = _LEADING_DOT.sub(b"..", _LONE_BREAK.sub(b"\r\n", mail))
    return lines if lines.endswith(b"\r\n") else lines + b"\r\n"


class SmtpConnection(smtplib.SMTP):
    """A connection to a mail server, opened by the constructor.

    The standard class applies its timeout to each read: a server that sends single bytes blocks a worker for hours.

    Args:
        relay: the server; with implicit TLS if its URL says so.
        name: our name for EHLO.
        seconds: until the first deadline.
    """

    def __init__(self, relay: Relay, name: str, seconds: float) -> None:
        self._relay = relay
        self._unread = bytearray()
        self.set_deadline(seconds)
        super().__init__(relay.host, relay.port, local_hostname=name, timeout=seconds)

    def set_deadline(self, seconds: float) -> None:
        """Set the deadline for everything that follows, from now on."""
        self._deadline = time.monotonic() + seconds

    def _remaining_seconds(self) -> float:
        remaining = self._deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("the deadline has passed")
        return remaining

    def connect(self, host: str = "localhost", port: int = 0, source_address: Any = None) -> tuple[int, bytes]:  # noqa: ANN401
        """Connect, encrypt if required, and read the greeting."""
        self.sock = socket.create_connection((host, port), self._remaining_seconds())
        try:
            if self._relay.encryption == "tls":
                self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=host)
            return self.getreply()
        except OSError:
            self.close()
            raise

    def encrypt(self) -> None:
        """STARTTLS with a verified certificate; plain text received ahead is discarded (RFC 3207, section 4.2).

        Raises:
            smtplib.SMTPResponseException: the server refused.
        """
        self.starttls(context=ssl.create_default_context())
        self._unread.clear()

    def send(self, s: Any) -> None:  # noqa: ANN401  # as declared by the base class
        """Send within the deadline."""
        if self.sock is not None:
            self.sock.settimeout(self._remaining_seconds())
        super().send(s)

    def getreply(self) -> tuple[int, bytes]:
        """Read one reply within the deadline; an unreadable one has code -1."""
        texts: list[bytes] = []
        while len(texts) < MAX_LINES:
            line = self._line()
            if not line[:3].isdigit() or line[3:4] not in {b" ", b"-", b""}:
                return -1, line[:200]
            texts.append(line[4:].strip())
            if line[3:4] != b"-":
                return int(line[:3]), b"\n".join(texts)
        raise smtplib.SMTPServerDisconnected("endless reply")

    def _line(self) -> bytes:
        while (end := self._unread.find(b"\n")) < 0:
            if self.sock is None:
                raise smtplib.SMTPServerDisconnected("not connected")
            if len(self._unread) > MAX_LINE_BYTES:
                raise smtplib.SMTPServerDisconnected("endless line")
            self.sock.settimeout(self._remaining_seconds())
            chunk = self.sock.recv(4_096)
            if not chunk:
                raise smtplib.SMTPServerDisconnected("connection closed")
            self._unread += chunk
        line = bytes(self._unread[:end]).rstrip(b"\r")
        del self._unread[: end + 1]
        return line
