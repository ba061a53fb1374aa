"""Messages to people, ready to be sent by a channel."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from nps_connect.records.base import Line, Record, Text

MessageKind = Literal["survey", "reminder", "review_invitation", "fallback", "digest"]


class Address(Record):
    """The recipient of a message.

    Attributes:
        email: address.
        name: name for the header; None if unknown.
    """

    email: str
    name: Line | None = None


class InlineImage(Record):
    """An image inside the message, referenced as ``cid:<content_id>``.

    Attributes:
        content_id: id without angle brackets.
        media_type: such as ``image/png``.
        data: raw bytes.
    """

    content_id: str
    media_type: str
    data: bytes


class Message(Record):
    """One message with its final text; a channel only sends it.

    Attributes:
        idempotency_key: key of the delivery.
        message_id: part of the ``Message-ID`` before the ``@``, the same for every attempt, which cannot be guessed.
        kind: kind of message, for headers and counters; `fallback` and `digest` go to staff.
        to: exactly one recipient.
        subject, text, html: in the recipient's language; `html` may be missing.
        language: BCP 47 tag for ``Content-Language``.
        unsubscribe_url: HTTPS URL for RFC 8058 one-click unsubscribe; missing only for `fallback`.
        list_id: value for ``List-Id``, such as ``after-purchase.surveys.nps.example.com``.
        inline_images: images that `html` refers to.
        test: a test mail, which counts nowhere.
    """

    idempotency_key: str
    message_id: str = Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")
    kind: MessageKind
    to: Address
    subject: Line
    text: Text
    html: str | None = None
    language: str
    unsubscribe_url: str | None = None
    list_id: str | None = None
    inline_images: tuple[InlineImage, ...] = ()
    test: bool = False
