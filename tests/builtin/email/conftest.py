from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from nps_connect import Address, Message
from nps_connect.builtin import email
from nps_connect.testing import connect

PASSWORD = "p@ss/word#sentinel"


@pytest.fixture
def survey():
    """Builds a message; keyword arguments replace parts of it."""

    def build(**parts) -> Message:
        return Message(
            **{
                "idempotency_key": "send_survey:42:1",
                "message_id": "0123456789abcdef",
                "kind": "survey",
                "to": Address(email="marie@example.com", name="Marie Durand"),
                "subject": "Une question, dix secondes",
                "text": "Bonjour Marie,\n\nà quel point nous recommanderiez-vous ?\n",
                "html": "<p>Bonjour Marie,</p><p>à quel point nous recommanderiez-vous ?</p>",
                "language": "fr",
                "unsubscribe_url": "https://nps.example.com/u/" + "token_part-" * 20,
                "list_id": "after-purchase.surveys.nps.example.com",
            }
            | parts
        )

    return build


@pytest.fixture
def mail_connection():
    """Builds a connection of the channel to an SMTP address."""

    def build(smtp_url: str, **settings):
        table = {"smtp_url": smtp_url, "sender": "Exemple SA <care@example.com>", "reply_to": "help@example.com"}
        return connect(email, table | settings, name="mail")

    return build


@dataclass
class CapturedMail:
    sender: str
    recipients: list[str]
    content: bytes
    options: list[str]
    encrypted: bool
    logged_in: bool


@dataclass
class MailServer:
    """A real SMTP server on loopback."""

    port: int
    received: list[CapturedMail] = field(default_factory=list)


class _CapturingHandler:
    def __init__(self, received):
        self._received = received

    async def handle_DATA(self, server, session, envelope):
        self._received.append(
            CapturedMail(
                sender=envelope.mail_from,
                recipients=envelope.rcpt_tos,
                content=envelope.original_content,
                options=envelope.mail_options,
                encrypted=session.ssl is not None,
                logged_in=session.authenticated,
            )
        )
        return "250 2.0.0 kept"


def _authenticate(server, session, envelope, mechanism, credentials):
    is_valid = credentials.login == b"mailer" and credentials.password == PASSWORD.encode()
    return AuthResult(success=is_valid, handled=False, auth_data="mailer" if is_valid else None)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A throwaway certificate for 127.0.0.1 (and for no name): (certificate file, key file)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "throwaway")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    certificate_file, key_file = folder / "certificate.pem", folder / "key.pem"
    certificate_file.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate_file, key_file


@pytest.fixture
def server_tls(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


@pytest.fixture
def trusted(certificate, monkeypatch):
    """Trusts the throwaway certificate through SSL_CERT_FILE, as administrators do."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))


@pytest.fixture
def start_server():
    """Starts real mail servers; `tls` is implicit TLS, further arguments are those of aiosmtpd."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    listeners = []

    def start(tls=None, **options) -> MailServer:
        server = MailServer(port=0)

        async def listen():
            return await loop.create_server(
                lambda: SMTP(_CapturingHandler(server.received), loop=loop, **options), "127.0.0.1", 0, ssl=tls
            )

        listener = asyncio.run_coroutine_threadsafe(listen(), loop).result(10)
        listeners.append(listener)
        server.port = listener.sockets[0].getsockname()[1]
        return server

    yield start
    asyncio.run_coroutine_threadsafe(_stop_servers(listeners), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


async def _stop_servers(listeners):
    for listener in listeners:
        listener.close()
        await listener.wait_closed()
    open_tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in open_tasks:
        task.cancel()
    await asyncio.gather(*open_tasks, return_exceptions=True)


@pytest.fixture
def login_server(start_server, server_tls):
    """A server that requires STARTTLS and a login."""
    return start_server(tls_context=server_tls, require_starttls=True, authenticator=_authenticate, auth_required=True)


SUCCESS_REPLIES = {
    "CONNECT": "220 ready",
    "EHLO": "250 hello",
    "MAIL": "250 ok",
    "RCPT": "250 ok",
    "DATA": "354 go",
    "DOT": "250 kept",
    "QUIT": "221 bye",
    "NOOP": "250 ok",
}


@dataclass
class ScriptedSmtpServer:
    """A mail server that follows a script: per step a reply or a failure.

    Failures: `close`, `reset`, `hang` (silent until the client gives up), `drip` (one byte at a time, endlessly).
    Steps: CONNECT, EHLO, MAIL, RCPT, DATA, BODY (in the middle of the mail), DOT (after the final dot), QUIT.
    """

    script: dict[str, str]
    port: int = 0
    commands: list[str] = field(default_factory=list)
    end_of_data_received: bool = False
    _listener: socket.socket | None = None
    _thread: threading.Thread | None = None

    def start(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(10)
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def stop(self):
        self._listener.close()
        self._thread.join(10)

    def _serve(self):
        with suppress(OSError), self._listener.accept()[0] as peer:
            peer.settimeout(10)
            self._converse(peer)

    def _converse(self, peer):
        if not self._perform("CONNECT", peer):
            return
        reader = peer.makefile("rb")
        with reader:
            for line in reader:
                self.commands.append(line.decode("utf-8").rstrip())
                step = line[:4].decode("ascii", "replace").strip().upper()
                if not self._perform(step, peer) or (step == "DATA" and not self._receive_mail(reader, peer)):
                    return

    def _receive_mail(self, reader, peer):
        if self.script.get("DATA", "354")[:3] != "354":
            return True
        for line in reader:
            if line == b".\r\n":
                self.end_of_data_received = True
                return self._perform("DOT", peer)
            if "BODY" in self.script:
                return self._perform("BODY", peer)
        return False

    def _perform(self, step, peer):
        action = self.script.get(step, SUCCESS_REPLIES.get(step, "502 what?"))
        if action == "hang":
            with suppress(OSError):
                while peer.recv(4096):
                    pass
        elif action == "drip":
            self._drip(peer)
        elif action == "reset":
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif action != "close":
            peer.sendall(action.replace("\n", "\r\n").encode() + b"\r\n")
            return True
        return False

    def _drip(self, peer):
        never = threading.Event()
        with suppress(OSError):
            while not never.wait(0.02):
                peer.sendall(b"2")


@pytest.fixture
def scripted():
    """Starts scripted servers: `scripted(RCPT="550 5.1.1 no such user")`."""
    servers = []

    def start(**script) -> ScriptedSmtpServer:
        server = ScriptedSmtpServer(script)
        server.start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def unused_port():
    """A closed port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]
