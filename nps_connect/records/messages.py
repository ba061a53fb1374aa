"""Messages to people, ready to be carried by a channel."""

from __future__ import annotations

from typing import Literal

from nps_connect.records.base import Record

MessageKind = Literal["survey", "reminder", "review_invitation", "fallback"]


class Address(Record):
    """Where a message goes."""

    email: str
    name: str | None = None


class InlineImage(Record):
    """An image that travels inside the message, referred to as ``cid:<content_id>``."""

    content_id: str
    media_type: str
    data: bytes


class Message(Record):
    """One message, fully worded; a channel only carries it.

    Attributes:
        idempotency_key: the delivery's key; channels put it into the Message-ID.
        kind: what it is, for headers and counting; `fallback` goes to staff.
        to: exactly one person.
        subject, text, html: in the person's language; `html` may be absent.
        language: BCP 47 tag for ``Content-Language``.
        unsubscribe_url: HTTPS address for RFC 8058 one-click; absent only for `fallback`.
        list_id: value for ``List-Id``, such as ``after-purchase.surveys.nps.example.com``.
        test: marked as a test, counts nowhere.
    """

    idempotency_key: str
    kind: MessageKind
    to: Address
    subject: str
    text: str
    html: str | None = None
    language: str
    unsubscribe_url: str | None = None
    list_id: str | None = None
    inline_images: tuple[InlineImage, ...] = ()
    test: bool = False
