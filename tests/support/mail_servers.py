"""Real mail servers on loopback: a Postfix relay, a Postfix of the recipients, and Dovecot for both; needs root.

Every file of theirs is in one temporary folder; the services of the machine are not touched. Mail to
``known.example.com`` is checked against a list of recipients by the relay. It accepts everything for
``shop.example.com``, whose server refuses later, and for ``slow.example.com``, whose server is down.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import quote

from support.mail_server_configuration import COMMON, DOVECOT, MASTER, MX, RELAY

PROGRAMS = ("postfix", "postmap", "dovecot", "doveadm", "openssl")
PASSWORD = "p@ss/word"
CARE = "care@example.com"
"""The sender, to whose mailbox bounces return."""
START_TIMEOUT_SECONDS = 60.0
STOP_TIMEOUT_SECONDS = 20.0
SIZE_LIMIT_BYTES = 300_000

_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


class MailServers:
    """Running mail servers; see `mail_servers`.

    Attributes:
        folder: of all their files; logs are in ``relay/mail.log``, ``mx/mail.log`` and ``dovecot/dovecot.log``.
        smtp_port: of the relay.
        imap_port: of Dovecot.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        ports = [port for port, _ in zip(_free_ports(), range(5), strict=False)]
        self.smtp_port, self.imap_port, self._mx_port, self._lmtp_port, self._closed_port = ports
        self.certificate = folder / "certificate.pem"

    @property
    def smtp_url(self) -> str:
        """The relay with STARTTLS and login."""
        return f"smtp://{quote(CARE)}:{quote(PASSWORD, safe='')}@127.0.0.1:{self.smtp_port}?starttls=required"

    @property
    def anonymous_smtp_url(self) -> str:
        """The relay without a login."""
        return f"smtp://127.0.0.1:{self.smtp_port}"

    def imap_url(self, folder: str = "INBOX", *, user: str = CARE, password: str = PASSWORD) -> str:
        """Return the URL of a folder."""
        login = f"{quote(user, safe='')}:{quote(password, safe='')}"
        return f"imap://{login}@127.0.0.1:{self.imap_port}/{folder}?starttls=required"

    def start(self, stack: ExitStack, mailboxes: Sequence[str]) -> None:
        """Configure and start the servers; the stack stops them.

        Args:
            stack: stops the servers.
            mailboxes: addresses that exist; those that begin with ``full`` have no space left.
        """
        self._write_certificate()
        self._start_dovecot(stack, mailboxes)
        self.configure_last_server(mailboxes)
        self.configure_relay()
        self.set_recipients([address for address in mailboxes if address.endswith("@known.example.com")])
        self.set_refusals({})
        for name, port in (("mx", self._mx_port), ("relay", self.smtp_port)):
            command = ["postfix", "-c", str(self.folder / name / "etc")]
            stack.enter_context(_running([*command, "start-fg"]))
            stack.callback(_run, *command, "stop")
            wait_for(partial(_answers, port), f"Postfix ({name}) does not answer")

    def set_recipients(self, addresses: Sequence[str]) -> None:
        """Set the recipients that the relay knows in ``known.example.com``."""
        self._write_map("recipients", dict.fromkeys(addresses, "ok"))

    def break_recipients(self) -> None:
        """Damage the relay's file of recipients, so that no lookup succeeds."""
        (self.folder / "relay" / "recipients.db").write_bytes(b"no database" * 100)

    def set_refusals(self, reply_by_address: dict[str, str]) -> None:
        """Let the relay answer to these recipients with a reply, such as ``450 4.2.0 Greylisted``."""
        self._write_map("access", reply_by_address)

    def configure_relay(
        self, *, unauthenticated: str = "reject_unauth_destination", size_limit: int = SIZE_LIMIT_BYTES
    ) -> None:
        """Configure the relay; reload it if it is running.

        Args:
            unauthenticated: what happens to clients without a login that want to send elsewhere.
            size_limit: of a message in bytes.
        """
        configuration = RELAY.format(
            folder=self.folder / "relay",
            cert=self.certificate,
            key=self.folder / "key.pem",
            auth=self.folder / "dovecot" / "run" / "sasl",
            unauthenticated=unauthenticated,
            lmtp=self._lmtp_port,
            mx=self._mx_port,
            closed=self._closed_port,
        )
        self._configure_postfix("relay", self.smtp_port, configuration, size_limit)

    def configure_last_server(self, mailboxes: Sequence[str]) -> None:
        """Configure the server of the recipients, which knows these mailboxes; reload it if it is running."""
        existing = " ".join(f"{{ {address} = ok }}" for address in mailboxes)
        self._configure_postfix("mx", self._mx_port, MX.format(mailboxes=existing, lmtp=self._lmtp_port))

    def empty(self, address: str) -> None:
        """Delete the mails in the inbox of an address."""
        _run(
            "doveadm",
            "-c",
            str(self.folder / "dovecot" / "dovecot.conf"),
            "expunge",
            "-u",
            address,
            "mailbox",
            "INBOX",
            "all",
        )

    def mails(self, address: str) -> list[bytes]:
        """Return the mails in the inbox of an address."""
        inbox = self.folder / "dovecot" / "mail" / address
        return [path.read_bytes() for folder in ("new", "cur") for path in sorted((inbox / folder).glob("*"))]

    def create_folder(self, name: str, mail: bytes) -> None:
        """Create a folder of the sender's mailbox with one mail."""
        doveadm = ["doveadm", "-c", str(self.folder / "dovecot" / "dovecot.conf")]
        _run(*doveadm, "mailbox", "create", "-u", CARE, name)
        _run(*doveadm, "save", "-u", CARE, "-m", name, stdin=mail)

    def log(self, server: str = "relay") -> str:
        """Return the log of a Postfix."""
        return (self.folder / server / "mail.log").read_text(errors="replace")

    def _write_certificate(self) -> None:
        subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
        key = ["-newkey", "rsa:2048", "-nodes", "-keyout", str(self.folder / "key.pem")]
        _run("openssl", "req", "-x509", *key, "-out", str(self.certificate), "-days", "2", *subject)

    def _start_dovecot(self, stack: ExitStack, mailboxes: Sequence[str]) -> None:
        folder = self.folder / "dovecot"
        (folder / "run").mkdir(parents=True)
        (folder / "mail").mkdir()
        shutil.chown(folder / "mail", "mail", "mail")
        lines = [f"{CARE}:{PASSWORD}::::::"]
        for address in mailboxes:
            quota = "userdb_quota_rule=*:bytes=1" if address.startswith("full") else ""
            lines.append(f"{address}:{PASSWORD}::::::{quota}")
        (folder / "users").write_text("\n".join(lines) + "\n")
        (folder / "users").chmod(0o644)
        configuration = folder / "dovecot.conf"
        files = {"cert": self.certificate, "key": self.folder / "key.pem", "folder": folder}
        configuration.write_text(DOVECOT.format(imap=self.imap_port, lmtp=self._lmtp_port, **files))
        stack.enter_context(_running(["dovecot", "-F", "-c", str(configuration)]))
        wait_for(lambda: _answers(self._lmtp_port) and _answers(self.imap_port), "Dovecot does not answer")

    def _configure_postfix(self, name: str, port: int, configuration: str, size_limit: int = SIZE_LIMIT_BYTES) -> None:
        folder = self.folder / name
        for directory in (folder, folder / "etc", folder / "spool", folder / "data"):
            directory.mkdir(mode=0o755, exist_ok=True)
        shutil.chown(folder / "data", "postfix")
        (folder / "etc" / "main.cf").write_text(COMMON.format(folder=folder, size_limit=size_limit) + configuration)
        (folder / "etc" / "master.cf").write_text(MASTER.format(port=port))
        if (folder / "spool" / "pid" / "master.pid").exists():
            _run("postfix", "-c", str(folder / "etc"), "reload")

    def _write_map(self, name: str, value_by_key: dict[str, str]) -> None:
        path = self.folder / "relay" / name
        path.write_text("".join(f"{key} {value}\n" for key, value in value_by_key.items()))
        _run("postmap", "-c", str(path.parent / "etc"), f"hash:{path}")


@contextmanager
def mail_servers(mailboxes: Sequence[str]) -> Iterator[MailServers]:
    """Start the servers in a temporary folder, with these mailboxes; stop them and delete everything afterwards.

    Their certificate is trusted meanwhile (``SSL_CERT_FILE``).
    """
    folder = Path(tempfile.mkdtemp(prefix="mail-servers-"))
    folder.chmod(0o755)
    servers, trusted = MailServers(folder), os.environ.get("SSL_CERT_FILE")
    try:
        with ExitStack() as stack:
            servers.start(stack, mailboxes)
            os.environ["SSL_CERT_FILE"] = str(servers.certificate)
            yield servers
    finally:
        os.environ.pop("SSL_CERT_FILE", None)
        if trusted is not None:
            os.environ["SSL_CERT_FILE"] = trusted
        shutil.rmtree(folder, ignore_errors=True)


def missing_programs() -> list[str]:
    """Return what is needed and not installed."""
    missing = [program for program in PROGRAMS if shutil.which(program, path=_PATH) is None]
    return missing if os.geteuid() == 0 else [*missing, "root (Postfix starts its processes as several users)"]


def versions() -> str:
    """Return the versions of the servers."""
    postfix = _run("postconf", "-d", "-h", "mail_version").strip()
    return f"Postfix {postfix}, Dovecot {_run('dovecot', '--version').split()[0]}"


def wait_for(condition: Callable[[], bool], failure: str, seconds: float = START_TIMEOUT_SECONDS) -> None:
    """Wait until a condition holds.

    Raises:
        AssertionError: it does not hold in time.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, failure
        time.sleep(0.1)


def _free_ports() -> Iterator[int]:
    with ExitStack() as stack:
        while True:
            yield stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 5):
            return True
    except OSError:
        return False


@contextmanager
def _running(command: Sequence[str]) -> Iterator[None]:
    """Run a server in the foreground; terminate it at the end."""
    environment = {**os.environ, "PATH": _PATH}
    with subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, start_new_session=True) as process:
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(STOP_TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _run(*command: str, stdin: bytes | None = None) -> str:
    """Run a command to its end; return its output."""
    done = subprocess.run(
        command,
        env={**os.environ, "PATH": _PATH},
        input=stdin or b"",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=START_TIMEOUT_SECONDS,
        check=False,
    )
    output = done.stdout.decode(errors="replace")
    assert done.returncode == 0, f"{command[0]} failed: {output}"
    return output
