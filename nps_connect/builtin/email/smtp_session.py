"""The conversation with a mail server, step by step, so that the outcome of every step is known.

`smtplib.SMTP.data` sends the mail and its final dot in one go: a caller cannot tell a loss before the dot (surely not
sent) from one after it (perhaps sent). Here the dot is a step of its own.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Literal, Self, TypeVar

from nps_connect import Rejected
from nps_connect.builtin.email.addresses import EmailAddress
from nps_connect.builtin.email.relay import Relay
from nps_connect.builtin.email.smtp_connection import SmtpConnection, dot_stuff

Step = Literal["CONNECT", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "MESSAGE"]
QUIT_TIMEOUT_SECONDS = 2.0
T = TypeVar("T")


class SmtpRefused(Exception):
    """The server said no, with a code."""

    def __init__(self, step: Step, code: int, text: str) -> None:
        super().__init__(f"{step}: {code}")
        self.step: Step = step
        self.code = code
        self.text = text


class SmtpConnectionLost(Exception):
    """The connection failed or timed out, or the server made no sense.

    Args:
        reason: in words.
        complete: the final dot had been sent, so that the mail may have been accepted.
    """

    def __init__(self, step: Step, reason: str, *, complete: bool = False) -> None:
        super().__init__(f"{step}: {reason}")
        self.step: Step = step
        self.reason = reason
        self.complete = complete


class SmtpSession:
    """A conversation with one mail server. A context manager; `open` comes first.

    Every method raises `Refused` when the server says no, and `SmtpConnectionLost` when it gives no usable answer.

    Args:
        relay: the server.
        name: how we call ourselves in EHLO.
        seconds: for everything up to the final dot, and again for the answer to it.
    """

    def __init__(self, relay: Relay, name: str, seconds: float) -> None:
        self._relay = relay
        self._name = name
        self._seconds = seconds
        self._opened: SmtpConnection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._opened is not None:
            self._opened.allow(min(self._seconds, QUIT_TIMEOUT_SECONDS))
            with suppress(OSError):
                self._opened.docmd("QUIT")
            self._opened.close()

    @property
    def encryption(self) -> str | None:
        """The version of TLS in use, or none."""
        return self._connection.sock.version() if isinstance(self._connection.sock, ssl.SSLSocket) else None

    def open(self) -> None:
        """Connect, say hello, encrypt and log in, as the relay's address says."""
        self._opened = self._guarded("CONNECT", lambda: SmtpConnection(self._relay, self._name, self._seconds))
        self._answer("EHLO", self._connection.ehlo)
        if self._relay.encryption == "starttls":
            if not self._connection.has_extn("starttls"):
                raise SmtpConnectionLost("STARTTLS", "the server does not offer STARTTLS")
            self._guarded("STARTTLS", self._connection.encrypt)
            self._answer("EHLO", self._connection.ehlo)
        if self._relay.user is not None:
            self._guarded("AUTH", self._login)

    def noop(self) -> None:
        """Do nothing, to see that the server still answers."""
        self._answer("EHLO", lambda: self._connection.docmd("NOOP"))

    def post(self, sender: EmailAddress, to: EmailAddress, mail: bytes) -> None:
        """Hand one mail over. A `SmtpConnectionLost` tells by `complete` whether the mail may have been accepted.

        Raises:
            Rejected: the address needs letters that this server does not take.
        """
        options = "" if to.local.isascii() else self._unicode_options()
        self._answer("MAIL", lambda: self._connection.docmd(f"MAIL FROM:<{sender}>{options}"))
        self._answer("RCPT", lambda: self._connection.docmd(f"RCPT TO:<{to}>"))
        self._answer("DATA", lambda: self._connection.docmd("DATA"), expected=3)
        self._guarded("DATA", lambda: self._connection.send(dot_stuff(mail)))
        self._guarded("DATA", lambda: self._connection.send(b".\r\n"))
        self._connection.allow(self._seconds)
        self._answer("MESSAGE", self._connection.getreply, complete=True)

    @property
    def _connection(self) -> SmtpConnection:
        if self._opened is None:
            raise RuntimeError("the dialogue is not open")
        return self._opened

    def _unicode_options(self) -> str:
        if not self._connection.has_extn("smtputf8"):
            raise Rejected("the recipient's address has letters that the mail server does not take (SMTPUTF8)")
        self._connection.command_encoding = "utf-8"
        return " SMTPUTF8 BODY=8BITMIME"

    def _login(self) -> None:
        try:
            self._connection.login(self._relay.user or "", self._relay.password or "")
        except (smtplib.SMTPResponseException, smtplib.SMTPServerDisconnected):
            raise
        except smtplib.SMTPException:
            raise SmtpRefused("AUTH", 504, "no login is offered that we know (PLAIN, LOGIN, CRAM-MD5)") from None

    def _answer(
        self, step: Step, ask: Callable[[], tuple[int, bytes]], *, expected: int = 2, complete: bool = False
    ) -> None:
        code, text = self._guarded(step, ask, complete=complete)
        if code // 100 in {4, 5}:
            raise SmtpRefused(step, code, _decode_reply(text))
        if code // 100 != expected:
            raise SmtpConnectionLost(step, "the server's answer makes no sense", complete=complete)

    def _guarded(self, step: Step, act: Callable[[], T], *, complete: bool = False) -> T:
        try:
            return act()
        except smtplib.SMTPResponseException as error:
            if error.smtp_code // 100 in {4, 5}:
                raise SmtpRefused(step, error.smtp_code, _decode_reply(error.smtp_error)) from None
            raise SmtpConnectionLost(step, "the server's answer makes no sense", complete=complete) from None
        except OSError as error:
            if self._opened is not None:
                self._opened.close()
            raise SmtpConnectionLost(step, _loss_reason(error), complete=complete) from None


def _decode_reply(answer: bytes | str) -> str:
    return answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer


def _loss_reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {error.reason or 'connection lost'}"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, socket.gaierror):
        return "the host name cannot be resolved"
    return "the connection was lost"
