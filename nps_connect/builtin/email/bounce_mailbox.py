"""Reading the mailbox to which mail comes back, over IMAP (RFC 9051). It is only read: nothing is marked or removed."""

from __future__ import annotations

import imaplib
import re
import ssl
from datetime import timedelta

from nps_connect import AuthFailed, Connection, MailboxPage, RetryLater, hookimpl
from nps_connect.builtin.email.relay import ReportMailbox
from nps_connect.builtin.email.settings import EmailSettings

PAGE_SIZE = 50
MAX_MESSAGE_BYTES = 1024 * 1024
INITIAL_LOOKBACK = timedelta(days=7)
"""How far back the first look goes: older reports tell of mail before us."""

_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_CURSOR = re.compile(r"([0-9]{1,10}):([0-9]{1,10})", re.ASCII)


@hookimpl
def nps_fetch_bounces(connection: Connection, cursor: str | None) -> MailboxPage | None:
    """Fetch what came into the mailbox since the cursor.

    The cursor is the mailbox's UIDVALIDITY and the last UID that was read; with another UIDVALIDITY the UIDs mean other
    messages, and reading begins anew (RFC 9051, 2.3.1.1).
    """
    settings: EmailSettings = connection.settings
    mailbox = settings.report_mailbox
    if mailbox is None:
        return None
    try:
        client = _connect(mailbox, settings.timeout)
    except (OSError, imaplib.IMAP4.error) as error:
        raise RetryLater(f"the report mailbox cannot be reached ({type(error).__name__})") from None
    try:
        _log_in(client, mailbox)
        return _load_page(client, mailbox.folder, cursor, connection)
    except (OSError, imaplib.IMAP4.error) as error:
        raise RetryLater(f"the report mailbox cannot be read ({type(error).__name__})") from None
    finally:
        _log_out(client)


def _connect(mailbox: ReportMailbox, timeout: float) -> imaplib.IMAP4:
    server, trust = mailbox.server, ssl.create_default_context()
    if server.encryption == "tls":
        return imaplib.IMAP4_SSL(server.host, server.port, ssl_context=trust, timeout=timeout)
    client = imaplib.IMAP4(server.host, server.port, timeout=timeout)
    if server.encryption == "starttls":
        client.starttls(trust)
    return client


def _log_in(client: imaplib.IMAP4, mailbox: ReportMailbox) -> None:
    try:
        client.login(mailbox.server.user or "", mailbox.server.password or "")
    except imaplib.IMAP4.abort:
        raise
    except imaplib.IMAP4.error:  # its text may repeat the password
        raise AuthFailed("the report mailbox refused the login; correct user and password in bounces_url") from None


def _load_page(client: imaplib.IMAP4, folder: str, cursor: str | None, connection: Connection) -> MailboxPage:
    _require_ok(client.select(f'"{folder}"', readonly=True))
    validity = int((client.response("UIDVALIDITY")[1][0] or b"0").decode())
    known = _CURSOR.fullmatch(cursor or "")
    last = int(known[2]) if known and int(known[1]) == validity else None
    if last is None:
        day = connection.clock() - INITIAL_LOOKBACK
        found = _require_ok(client.uid("SEARCH", f"SINCE {day.day}-{_MONTHS[day.month - 1]}-{day.year}"))
    else:
        found = _require_ok(client.uid("SEARCH", f"UID {last + 1}:*"))
    # `n:*` holds the last message even when its number is below n.
    numbers = sorted(number for number in map(int, found.split()) if number > (last or 0))
    some = numbers[:PAGE_SIZE]
    messages = [message for number in some if (message := _fetch(client, number)) is not None]
    newest = some[-1] if some else last or 0
    return MailboxPage(messages=tuple(messages), cursor=f"{validity}:{newest}", more=len(numbers) > len(some))


def _fetch(client: imaplib.IMAP4, number: int) -> bytes | None:
    """One message, its first megabyte; none if it is gone."""
    status, parts = client.uid("FETCH", str(number), f"(BODY.PEEK[]<0.{MAX_MESSAGE_BYTES}>)")
    if status != "OK":
        return None
    return next((part[1] for part in parts if isinstance(part, tuple)), None)


def _require_ok(answer: tuple[str, list[bytes | None]]) -> bytes:
    status, parts = answer
    if status != "OK":
        raise imaplib.IMAP4.error(f"answered {status}")
    return parts[0] or b""


def _log_out(client: imaplib.IMAP4) -> None:
    try:
        client.logout()
    except (OSError, imaplib.IMAP4.error):
        client.shutdown()
