"""Parses the URLs of mail server and bounce mailbox. Error texts repeat no part of them: it may be the password."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from nps_connect import is_loopback

SMTP_URL_FORMAT = "smtp://user:password@host:587?starttls=required or smtps://user:password@host:465"
IMAP_URL_FORMAT = "imaps://user:password@host:993/INBOX or imap://user:password@host:143/INBOX?starttls=required"
DEFAULT_PORT = {"starttls": 587, "tls": 465, "none": 25}


@dataclass(frozen=True)
class Relay:
    """The mail server that accepts our mail.

    Attributes:
        host: name or address.
        port: TCP port.
        encryption: `tls` (implicit), `starttls` (required), or `none`.
        user, password: for the login, or None.
    """

    host: str
    port: int
    encryption: Literal["tls", "starttls", "none"]
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def address(self) -> str:
        """The host and port, for messages."""
        return f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Return whether the server is this machine."""
        return is_loopback(self.host)

    def secrets(self) -> Iterator[str]:
        """Yield user and password, plain and as the login sends them: a server may repeat a refused command."""
        if self.user and self.password:
            for text in (self.user, self.password, f"\0{self.user}\0{self.password}"):
                yield text
                yield b64encode(text.encode()).decode()


@dataclass(frozen=True)
class ReportMailbox:
    """The mailbox that receives bounce reports.

    Attributes:
        server: the mail server, with the login.
        folder: the mailbox's name on it.
    """

    server: Relay
    folder: str = "INBOX"


def parse_mailbox(url: str) -> ReportMailbox:
    """Parse a mailbox URL.

    Raises:
        ValueError: the URL is invalid; the text says which part, without repeating it.
    """
    scheme, separator, address = url.strip().partition("://")
    if not separator or scheme not in {"imap", "imaps"}:
        raise ValueError(f"must start with imap:// or imaps://; write {IMAP_URL_FORMAT}")
    host, slash, folder = address.partition("/")
    folder, question, options = folder.partition("?")
    _check_starttls(address)
    try:
        server = parse_relay(f"{'smtps' if scheme == 'imaps' else 'smtp'}://{host}{question}{options}")
    except ValueError:
        raise ValueError(f"cannot be read; write {IMAP_URL_FORMAT}") from None
    if server.user is None:
        raise ValueError(f"names no user and password; write {IMAP_URL_FORMAT}")
    if server.encryption == "none" and not server.is_loopback:
        raise ValueError("the password would travel unencrypted: use imaps:// or add ?starttls=required")
    port = urlsplit(f"//{host}").port or (993 if scheme == "imaps" else 143)
    name = unquote(folder) if slash and folder else "INBOX"
    if not name.isprintable() or '"' in name or "\\" in name:
        raise ValueError("names a folder with a quote, a backslash or a control character; write its name in UTF-8")
    return ReportMailbox(replace(server, port=port), name)


def parse_relay(url: str) -> Relay:
    """Parse a mail server URL.

    Raises:
        ValueError: the URL is invalid; the text says which part, without repeating it.
    """
    _check_starttls(url.strip())
    try:
        parts = urlsplit(url.strip())
        port, host = parts.port, parts.hostname
    except ValueError:
        raise ValueError(
            f"cannot be read (a wrong port, or a special character in user or password that is not "
            f"percent-encoded); write {SMTP_URL_FORMAT}"
        ) from None
    if parts.scheme not in {"smtp", "smtps"}:
        raise ValueError(f"must start with smtp:// or smtps://; write {SMTP_URL_FORMAT}")
    if not host or port == 0:
        raise ValueError(f"names no host or an impossible port; write {SMTP_URL_FORMAT}")
    if parts.path not in {"", "/"} or parts.fragment:
        raise ValueError("holds something after the host: percent-encode / ? # and @ in user and password")
    encryption = _encryption(parts)
    user, password = _login(parts)
    return Relay(host, port or DEFAULT_PORT[encryption], encryption, user, password)


def _check_starttls(url: str) -> None:
    """Raise `ValueError` if the option for STARTTLS is misspelt: the parts around it would be blamed instead."""
    after_login = url.rpartition("@")[2]
    if "starttls" in after_login.casefold() and not after_login.endswith("?starttls=required"):
        raise ValueError("asks for STARTTLS in a way that is not understood; end it with ?starttls=required")


def _encryption(parts: SplitResult) -> Literal["tls", "starttls", "none"]:
    options = parse_qsl(parts.query, keep_blank_values=True)
    if parts.scheme == "smtps":
        if options:
            raise ValueError("smtps:// is encrypted from the first byte and takes no options after ?")
        return "tls"
    if not options:
        return "none"
    if options != [("starttls", "required")]:
        raise ValueError("the only option after ? is starttls=required")
    return "starttls"


def _login(parts: SplitResult) -> tuple[str | None, str | None]:
    if parts.username is None:
        return None, None
    user, password = unquote(parts.username), unquote(parts.password or "")
    if not user or not password:
        raise ValueError("names a user without a password, or a password without a user")
    if not (user + password).isascii() or not (user + password).isprintable():
        raise ValueError("user and password must be printable ASCII: mail servers do not agree on anything else")
    return user, password
