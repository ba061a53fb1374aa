"""The sandbox's mailbox: an SMTP server that stores all mail."""

from __future__ import annotations

import asyncio
import hmac
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from nps_connect.connection import Clock, system_clock
from nps_connect.sandbox.faults import FaultPlan, InjectedFault
from nps_connect.sandbox.mail import ReceivedMail, parse_mail

T = TypeVar("T")
FAULT_TARGET = "mailbox"
MAX_MAIL_BYTES = 32 * 1024 * 1024
INSTALL_HINT = "the mailbox needs one more package: pip install 'nps-connect[sandbox]'"


class MailboxUnavailable(RuntimeError):
    """The package that speaks SMTP is not installed; the message holds the command that installs it."""


class SandboxMailbox:
    """Stores every mail sent to one loopback port.

    Args:
        port: 0 selects a free one.
        username: if given, mail is accepted only after a login with it.
        password: the password of this login.
        faults: injected faults. A status is a 451 before anything is stored; the mail of a timeout, a reset and a
            malformed response is stored first if the fault says "applied".
        stall_seconds: how long a sender waits in a timeout fault.
        clock: current time.

    Raises:
        MailboxUnavailable: the extra ``sandbox`` is not installed.

    Attributes:
        port: the port, after the start.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        username: str | None = None,
        password: str | None = None,
        faults: FaultPlan | None = None,
        stall_seconds: float = 60.0,
        clock: Clock = system_clock,
    ) -> None:
        try:
            from aiosmtpd.smtp import SMTP
        except ImportError as error:
            raise MailboxUnavailable(INSTALL_HINT) from error
        self._server_type = SMTP
        self._requested_port = port
        self._login = (username, password or "") if username else None
        self.faults = faults or FaultPlan()
        self.stall_seconds = stall_seconds
        self._clock = clock
        self._mails: list[ReceivedMail] = []
        self._arrived = threading.Condition()
        self._running: _ServerThread | None = None
        self.port = 0

    @property
    def smtp_url(self) -> str:
        """Return the address for an e-mail connection, with the login if there is one."""
        login = f"{self._login[0]}:{self._login[1]}@" if self._login else ""
        return f"smtp://{login}127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start to accept mail.

        Raises:
            OSError: the port is taken.
        """
        running = _ServerThread(self._protocol, self._requested_port)
        self.port = running.start()
        self._running = running

    def stop(self) -> None:
        """Stop the server and free the port."""
        if self._running is not None:
            self._running.stop()
            self._running = None

    def mails(self, address: str | None = None) -> list[ReceivedMail]:
        """Return all mails in order, or those to one address."""
        with self._arrived:
            mails = list(self._mails)
        if address is None:
            return mails
        normalized = address.casefold()
        return [mail for mail in mails if any(to.casefold() == normalized for to in mail.to)]

    def wait_until(self, has_enough: Callable[[list[ReceivedMail]], bool], seconds: float) -> bool:
        """Wait until the condition on all mails holds; returns False after the timeout."""
        deadline = time.monotonic() + seconds
        with self._arrived:
            while not has_enough(self._mails):
                remaining = deadline - time.monotonic()
                if remaining <= 0 or not self._arrived.wait(remaining):
                    return has_enough(self._mails)
        return True

    def accept(self, sender: str, to: tuple[str, ...], content: bytes, *, authenticated: bool) -> None:
        """Store one mail."""
        with self._arrived:
            mail = parse_mail(
                content,
                number=len(self._mails) + 1,
                sender=sender,
                to=to,
                received_at=self._clock(),
                authenticated=authenticated,
            )
            self._mails.append(mail)
            self._arrived.notify_all()

    def is_valid_login(self, username: bytes, password: bytes) -> bool:
        """Return whether the login is the configured one; without a login everything is valid."""
        if self._login is None:
            return True
        is_valid_name = hmac.compare_digest(username, self._login[0].encode())
        return hmac.compare_digest(password, self._login[1].encode()) and is_valid_name

    @property
    def requires_login(self) -> bool:
        """Return whether mail is accepted only after a login."""
        return self._login is not None

    def _protocol(self, loop: asyncio.AbstractEventLoop) -> asyncio.BaseProtocol:
        return self._server_type(
            _SmtpHandler(self),
            hostname="mailbox.example.com",
            ident="the nps-connect sandbox",
            data_size_limit=MAX_MAIL_BYTES,
            enable_SMTPUTF8=True,
            auth_require_tls=False,
            authenticator=self._authenticate,
            loop=loop,
        )

    def _authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, login: Any) -> Any:  # noqa: ANN401
        from aiosmtpd.smtp import AuthResult

        return AuthResult(success=self.is_valid_login(login.login, login.password), handled=False)


class _ServerThread:
    """The event loop of a mailbox, in its own thread."""

    def __init__(self, protocol: Callable[[asyncio.AbstractEventLoop], asyncio.BaseProtocol], port: int) -> None:
        self._protocol = protocol
        self._requested_port = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="sandbox-smtp", daemon=True)
        self._server: asyncio.Server | None = None

    def start(self) -> int:
        """Listen and return the port. If that fails, nothing keeps running."""
        self._thread.start()
        try:
            self._server = self._run_coroutine(self._listen())
        except BaseException:
            self.stop()
            raise
        return int(self._server.sockets[0].getsockname()[1])

    def stop(self) -> None:
        """Close all connections and end the thread."""
        self._run_coroutine(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _run_coroutine(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self) -> asyncio.Server:
        return await self._loop.create_server(lambda: self._protocol(self._loop), "127.0.0.1", self._requested_port)

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        pending = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)


class _SmtpHandler:
    """Handles the steps of an SMTP session that need the mailbox; the library handles the rest."""

    def __init__(self, mailbox: SandboxMailbox) -> None:
        self._mailbox = mailbox

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: ANN401, N802
        """Accept a sender, after a login if one is required."""
        if self._mailbox.requires_login and not session.authenticated:
            return "530 5.7.0 Authentication required"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 Sender ok"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: ANN401, N802
        """Store the mail, unless a fault prevents it."""
        fault = self._mailbox.faults.draw(FAULT_TARGET)
        if fault is not None and fault.kind == "status":
            return "451 4.3.0 Injected fault, try again later"
        if fault is None or fault.applied:
            self._mailbox.accept(
                envelope.mail_from or "",
                tuple(envelope.rcpt_tos),
                envelope.content,
                authenticated=bool(session.authenticated),
            )
        if fault is not None:
            return await self._apply_fault(fault, server)
        return "250 2.0.0 Stored"

    async def _apply_fault(self, fault: InjectedFault, server: Any) -> str:  # noqa: ANN401
        if fault.kind == "malformed":
            return "malformed response"
        if fault.kind == "timeout":
            await asyncio.sleep(self._mailbox.stall_seconds)
        server.transport.abort()
        return "421 4.3.0 Connection closed"
