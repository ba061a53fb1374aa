"""`SmtpSession`: sends mail step by step, so that the outcome of every step is known.

`smtplib.SMTP.data` sends the mail and its final dot in one call: the caller cannot distinguish a connection lost before
the dot (certainly not sent) from one lost after it (possibly sent). Here the dot is a step of its own.
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
    """The server refused a step with a code."""

    def __init__(self, step: Step, code: int, text: str) -> None:
        super().__init__(f"{step}: {code}")
        self.step: Step = step
        self.code = code
        self.text = text


class SmtpConnectionLost(Exception):
    """The connection failed or timed out, or the server sent an invalid reply.

    Args:
        reason: in words.
        complete: the final dot had been sent, so the mail may have been accepted.
    """

    def __init__(self, step: Step, reason: str, *, complete: bool = False) -> None:
        super().__init__(f"{step}: {reason}")
        self.step: Step = step
        self.reason = reason
        self.complete = complete


class SmtpSession:
    """A session with one mail server. A context manager; call `open` first.

    Every method raises `SmtpRefused` when the server refuses, and `SmtpConnectionLost` without a valid reply.

    Args:
        relay: the server.
        name: our name for EHLO.
        seconds: for everything up to the final dot, and again for the reply to it.
    """

    def __init__(self, relay: Relay, name: str, seconds: float) -> None:
        self._relay = relay
        self._name = name
        self._seconds = seconds
        self._opened: SmtpConnection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._opened is not None and self._opened.sock is not None:
            self._opened.set_deadline(min(self._seconds, QUIT_TIMEOUT_SECONDS))
            with suppress(OSError):
                self._opened.docmd("QUIT")
            self._opened.close()

    @property
    def encryption(self) -> str | None:
        """The TLS version in use, or None."""
        return self._connection.sock.version() if isinstance(self._connection.sock, ssl.SSLSocket) else None

    def open(self) -> None:
        """Connect, send EHLO, encrypt and log in, as the server's URL says."""
        self._opened = self._run_step("CONNECT", lambda: SmtpConnection(self._relay, self._name, self._seconds))
        self._require_reply("EHLO", self._connection.ehlo)
        if self._relay.encryption == "starttls":
            if not self._connection.has_extn("starttls"):
                raise SmtpConnectionLost("STARTTLS", "the server does not offer STARTTLS")
            self._run_step("STARTTLS", self._connection.encrypt)
            self._require_reply("EHLO", self._connection.ehlo)
        if self._relay.user is not None:
            self._run_step("AUTH", self._login)

    def noop(self) -> None:
        """Send NOOP, to check that the server responds."""
        self._require_reply("EHLO", lambda: self._connection.docmd("NOOP"))

    def probe(self, sender: EmailAddress, to: EmailAddress) -> None:
        """Name sender and recipient as for a mail, and take them back: nothing is sent."""
        self._require_reply("MAIL", lambda: self._connection.docmd(f"MAIL FROM:<{sender}>"))
        self._require_reply("RCPT", lambda: self._connection.docmd(f"RCPT TO:<{to}>"))
        self._require_reply("RCPT", lambda: self._connection.docmd("RSET"))

    def send(self, sender: EmailAddress, to: EmailAddress, mail: bytes, before_dot: Callable[[], None]) -> None:
        """Send one mail. `SmtpConnectionLost.complete` says whether the mail may have been accepted.

        Args:
            sender, to: of the envelope.
            mail: with its headers.
            before_dot: called right before the final dot; if it raises, the server discards the mail.

        Raises:
            Rejected: the address has non-ASCII letters, which this server does not support.
        """
        options = "" if to.local.isascii() else self._unicode_options()
        self._require_reply("MAIL", lambda: self._connection.docmd(f"MAIL FROM:<{sender}>{options}"))
        self._require_reply("RCPT", lambda: self._connection.docmd(f"RCPT TO:<{to}>"))
        self._require_reply("DATA", lambda: self._connection.docmd("DATA"), expected=3)
        self._run_step("DATA", lambda: self._connection.send(dot_stuff(mail)))
        try:
            before_dot()
        except BaseException:
            self._connection.close()  # QUIT would be a line of the mail
            raise
        self._connection.set_deadline(self._seconds)
        self._run_step("DATA", lambda: self._connection.send(b".\r\n"))
        self._require_reply("MESSAGE", self._connection.getreply, complete=True)

    @property
    def _connection(self) -> SmtpConnection:
        if self._opened is None:
            raise RuntimeError("the session is not open")
        return self._opened

    def _unicode_options(self) -> str:
        if not self._connection.has_extn("smtputf8"):
            raise Rejected("the recipient's address has letters that the mail server does not support (SMTPUTF8)")
        self._connection.command_encoding = "utf-8"
        return " SMTPUTF8 BODY=8BITMIME"

    def _login(self) -> None:
        try:
            self._connection.login(self._relay.user or "", self._relay.password or "")
        except (smtplib.SMTPResponseException, smtplib.SMTPServerDisconnected):
            raise
        except smtplib.SMTPException:
            raise SmtpRefused(
                "AUTH", 504, "the server offers no supported login method (PLAIN, LOGIN, CRAM-MD5)"
            ) from None

    def _require_reply(
        self, step: Step, command: Callable[[], tuple[int, bytes]], *, expected: int = 2, complete: bool = False
    ) -> None:
        code, text = self._run_step(step, command, complete=complete)
        if code // 100 in {4, 5}:
            raise SmtpRefused(step, code, _decode_reply(text))
        if code // 100 != expected:
            raise SmtpConnectionLost(step, "the server sent an invalid reply", complete=complete)

    def _run_step(self, step: Step, command: Callable[[], T], *, complete: bool = False) -> T:
        try:
            return command()
        except smtplib.SMTPResponseException as error:
            if error.smtp_code // 100 in {4, 5}:
                raise SmtpRefused(step, error.smtp_code, _decode_reply(error.smtp_error)) from None
            raise SmtpConnectionLost(step, "the server sent an invalid reply", complete=complete) from None
        except OSError as error:
            if self._opened is not None:
                self._opened.close()
            raise SmtpConnectionLost(step, _loss_reason(error), complete=complete) from None


def _decode_reply(reply: bytes | str) -> str:
    return reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply


def _loss_reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {error.reason or 'connection lost'}"
    if isinstance(error, TimeoutError):
        return "no reply in time"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, socket.gaierror):
        return "the host name cannot be resolved"
    return "the connection was lost"
