"""Mail that came back, or that somebody complained about."""

from __future__ import annotations

from typing import Literal

from nps_connect.records.base import Moment, Record


class Bounce(Record):
    """What a mail server tells of one mail to one mailbox.

    Attributes:
        kind: `hard` (the mailbox does not exist: write to it no more), `soft` (it could not take the mail this time),
            `complaint` (its owner called the mail unwanted: write to the person no more).
        address: the mailbox, if the report names it.
        message_id: of our mail, with its angle brackets, if the report holds it.
        status: enhanced status code, such as ``5.1.1`` (RFC 3463).
        detail: what the mail server said.
        at: when it happened; none = when the report was read.
    """

    kind: Literal["hard", "soft", "complaint"]
    address: str | None = None
    message_id: str | None = None
    status: str | None = None
    detail: str = ""
    at: Moment | None = None


class MailboxPage(Record):
    """Messages of the mailbox to which mail comes back.

    Attributes:
        messages: as the mail server keeps them; most need not be reports.
        cursor: where the next page begins.
        more: there is another page now.
    """

    messages: tuple[bytes, ...] = ()
    cursor: str | None = None
    more: bool = False
