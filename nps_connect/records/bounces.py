"""Bounces and spam complaints."""

from __future__ import annotations

from typing import Literal

from nps_connect.records.base import Line, Moment, Record


class Bounce(Record):
    """A mail server's report on one mail to one mailbox.

    Attributes:
        kind: `hard` (the mailbox does not exist: suppress it), `soft` (any other failure), `complaint` (the recipient
            marked the mail as spam: suppress the contact).
        address: the mailbox that failed or whose owner complained, if the report names it.
        message_id: the receipt's id of our mail, if the report contains it: its Message-ID with angle brackets.
        concerns_mailbox: a soft bounce is about the mailbox (full, suspended, refused without a reason), not about us,
            the mail or the moment: several of them are a hard bounce.
        status: enhanced status code, such as ``5.1.1`` (RFC 3463).
        detail: text of the mail server.
        at: moment of the report (UTC); None means the moment of reading.
    """

    kind: Literal["hard", "soft", "complaint"]
    address: str | None = None
    message_id: Line | None = None
    concerns_mailbox: bool = False
    status: str | None = None
    detail: Line = ""
    at: Moment | None = None


class MailboxPage(Record):
    """One page of messages from the bounce mailbox.

    Attributes:
        messages: raw messages; not all of them are reports.
        cursor: start of the next page.
        more: another page is available now.
    """

    messages: tuple[bytes, ...] = ()
    cursor: str | None = None
    more: bool = False
