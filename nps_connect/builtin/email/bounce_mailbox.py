"""Reads the mailbox that receives bounce reports, over IMAP (RFC 9051). Read-only: nothing is flagged or removed."""

from __future__ import annotations

import imaplib
import logging
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from nps_connect import AuthFailed, Connection, Finding, MailboxPage, RetryLater, hookimpl
from nps_connect.builtin.email.relay import ReportMailbox
from nps_connect.builtin.email.report_message import MAX_REPORT_BYTES
from nps_connect.builtin.email.settings import EmailSettings

if TYPE_CHECKING:
    from imapclient import IMAPClient

PAGE_SIZE = 50
INITIAL_LOOKBACK = timedelta(days=7)
"""Age of the oldest report read at first: earlier ones cannot concern our mail."""

_CURSOR = re.compile(r"([0-9]{1,10}):([0-9]{1,10})", re.ASCII)
# At debug level imapclient logs the whole protocol: mail texts, and passwords that a server repeats.
logging.getLogger("imapclient").setLevel(logging.WARNING)


@hookimpl
def nps_fetch_bounces(connection: Connection[EmailSettings], cursor: str | None) -> MailboxPage | None:
    """Return the messages that arrived after the cursor; None if no mailbox is configured.

    The cursor holds the mailbox's UIDVALIDITY and the last UID read. Under another UIDVALIDITY the UIDs denote other
    messages, so reading starts anew (RFC 9051, 2.3.1.1).
    """
    settings = connection.settings
    mailbox = settings.report_mailbox
    if mailbox is None:
        return None
    try:
        with _open_mailbox(mailbox, settings.timeout) as client:
            return _load_page(client, mailbox.folder, cursor, connection)
    except (OSError, imaplib.IMAP4.error) as error:
        raise RetryLater(f"the report mailbox cannot be read ({type(error).__name__})") from None


def check_mailbox(connection: Connection[EmailSettings]) -> Finding | None:
    """Log in, open the folder and return what was found; None if no mailbox is configured."""
    settings = connection.settings
    mailbox = settings.report_mailbox
    if mailbox is None:
        return None
    place = f"{mailbox.server.host}:{mailbox.server.port}"
    try:
        with _open_mailbox(mailbox, settings.timeout) as client:
            _select_folder(client, mailbox.folder)
    except (AuthFailed, RetryLater) as error:
        fix = f"correct bounces_url; the server is {place}"
        return Finding(id="bounce-mailbox-unread", severity="error", text=error.message, fix=fix)
    except (OSError, imaplib.IMAP4.error) as error:
        text = f"the report mailbox at {place} cannot be read ({type(error).__name__})"
        fix = "check host, port and encryption in bounces_url"
        return Finding(id="bounce-mailbox-unread", severity="error", text=text, fix=fix)
    return Finding(severity="ok", text=f"the report mailbox at {place} opens folder {mailbox.folder}")


@contextmanager
def _open_mailbox(mailbox: ReportMailbox, timeout: float) -> Iterator[IMAPClient]:
    """Connect, encrypt and log in; log out at the end."""
    from imapclient import IMAPClient  # most commands never read a mailbox
    from imapclient.exceptions import IMAPClientAbortError, LoginError

    server, context = mailbox.server, ssl.create_default_context()
    uses_tls = server.encryption == "tls"
    with IMAPClient(server.host, server.port, ssl=uses_tls, ssl_context=context, timeout=timeout) as client:
        if server.encryption == "starttls":
            client.starttls(context)
        try:
            client.login(server.user or "", server.password or "")
        except LoginError as error:  # its text may repeat the password
            if isinstance(error.__context__, IMAPClientAbortError):  # connection lost, not refused
                raise
            text = "the report mailbox refused the login; correct user and password in bounces_url"
            raise AuthFailed(text) from None
        yield client


def _select_folder(client: IMAPClient, folder: str) -> dict[bytes, Any]:
    from imapclient.exceptions import IMAPClientAbortError, IMAPClientError

    try:
        selected: dict[bytes, Any] = client.select_folder(folder, readonly=True)
    except IMAPClientAbortError:  # connection lost, not refused
        raise
    except IMAPClientError:
        raise RetryLater(f"the report mailbox has no folder {folder} that can be opened") from None
    return selected


def _load_page(
    client: IMAPClient, folder: str, cursor: str | None, connection: Connection[EmailSettings]
) -> MailboxPage:
    validity = _select_folder(client, folder).get(b"UIDVALIDITY", 0)
    position = _CURSOR.fullmatch(cursor or "")
    last_uid = int(position[2]) if position and int(position[1]) == validity else None
    since = (connection.clock() - INITIAL_LOOKBACK).date()
    matching_uids = client.search(["SINCE", since] if last_uid is None else f"UID {last_uid + 1}:*")
    # `n:*` includes the last message even if its UID is below n.
    unread = sorted(uid for uid in matching_uids if uid > (last_uid or 0))
    page = unread[:PAGE_SIZE]
    fetched = client.fetch(page, [f"BODY.PEEK[]<0.{MAX_REPORT_BYTES}>"])
    messages = tuple(fetched[uid][b"BODY[]<0>"] for uid in page if b"BODY[]<0>" in fetched.get(uid, {}))
    newest_uid = page[-1] if page else last_uid or 0
    return MailboxPage(messages=messages, cursor=f"{validity}:{newest_uid}", more=len(unread) > len(page))
