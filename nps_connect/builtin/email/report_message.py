"""A bounce report as a MIME message: bounded parsing, fields, and the Message-ID of the mail that came back. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message
from email.policy import Compat32
from email.utils import getaddresses, parsedate_to_datetime
from html import unescape

from nps_connect import WebhookRejected, one_line
from nps_connect.builtin.email.addresses import EmailAddress

MAX_REPORT_BYTES = 256 * 1024
"""The rest of a longer message is ignored: what a report says stands before the copy of our mail."""

MAX_CONTAINERS = 40
"""Of parts that hold parts: Python parses them recursively."""

MAX_PARTS = 200
MAX_HEADER_LENGTH = 2_000
MAX_TEXT_LENGTH = 20_000

_CONTAINER = re.compile(rb"^content-type\s{0,20}:\s{0,20}(?:message|multipart)\s{0,20}/", re.IGNORECASE | re.MULTILINE)
_SPACE_BEFORE_COLON = re.compile(
    rb"^(Original-Recipient|Final-Recipient|Action|Status|Diagnostic-Code|Feedback-Type|Message-ID)[ \t]{1,20}:",
    re.IGNORECASE | re.MULTILINE,
)
# RFC 6533 and RFC 6532: as their older forms, with UTF-8 in the headers.
_GLOBAL_TYPE = re.compile(
    rb"^(content-type[ \t]*:[ \t]*)message/global(-delivery-status|-headers|)", re.IGNORECASE | re.MULTILINE
)
_TYPE_OF_GLOBAL = {
    b"-delivery-status": b"message/delivery-status",
    b"-headers": b"text/rfc822-headers",
    b"": b"message/rfc822",
}
_ENCODING = "Content-Transfer-Encoding"
_ENCODINGS = frozenset({"base64", "quoted-printable"})
_MESSAGE_ID = re.compile(r"<[^<>\s]{3,300}>")
_QUOTED_MESSAGE_ID = re.compile(
    r"^[> \t]{0,4}(?:X-Original-)?Message-ID[ \t]*:\s{0,3}(<[^<>\s]{3,300}>)", re.IGNORECASE | re.MULTILINE
)
_QUOTED_TO = re.compile(r"^[> \t]{0,4}(?:X-Original-)?To[ \t]*:[ \t]*(.{3,300})", re.IGNORECASE | re.MULTILINE)
_STYLE = re.compile(r"<style\b", re.IGNORECASE)
_TAG = re.compile(r"<[/!?a-z][^<>]{0,2000}>", re.IGNORECASE)
_BLOCK_TAG = re.compile(r"<(?:/?(?:p|div|tr|table|h\d|li|ul|blockquote)|br)\b[^<>]{0,2000}>", re.IGNORECASE)


class _Utf8Headers(Compat32):
    """Headers as written, undecoded bytes as UTF-8: the default replaces every byte that is not ASCII."""

    def header_fetch_parse(self, name: str, value: str) -> str:
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


class ReportMessage:
    """A parsed message that may be a report.

    Attributes:
        raw: the message as received, up to `MAX_REPORT_BYTES`, its field names normalised.
        message: the message.
        parts: its parts up to `MAX_PARTS`, itself first.

    Raises:
        WebhookRejected: `unreadable`: the message is nested too deeply or cannot be parsed.
    """

    def __init__(self, raw: bytes) -> None:
        self.raw = _normalize(raw.lstrip()[:MAX_REPORT_BYTES])  # some begin with empty lines
        self.message = _parse(self.raw)
        for part in list(self.message.walk()):
            if part.get_content_maintype() == "message" and field(part, _ENCODING).lower() in _ENCODINGS:
                part.set_payload(_parse_encoded(part).get_payload())
        self.parts: Sequence[Message] = [part for part, _ in zip(self.message.walk(), range(MAX_PARTS), strict=False)]

    def of_type(self, content_type: str) -> list[Message]:
        """Return the parts of a content type."""
        return [part for part in self.parts if part.get_content_type() == content_type]

    def date(self) -> datetime | None:
        """Return the moment of the report, if it is stated."""
        try:
            moment = parsedate_to_datetime(field(self.message, "Date"))
        except (ValueError, TypeError, OverflowError):
            return None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    def returned_headers(self) -> Iterator[Message]:
        """Yield the headers of the mail that came back, which a report holds whole or as headers."""
        inside = {id(inner) for part in self.of_type("message/delivery-status") for inner in part.walk()}
        for part in self.parts[1:]:
            if part.get_content_type() == "text/rfc822-headers":
                yield message_from_bytes(_decoded(part), policy=_Utf8Headers())
            elif part.get_content_type() == "message/rfc822" and isinstance(payload := part.get_payload(), list):
                yield from (inner for inner in payload if id(inner) not in inside and isinstance(inner, Message))

    def returned_message_id(self) -> str | None:
        """Return the Message-ID of the mail that came back, or of the mail that this one replies to."""
        groups = [group for part in self.of_type("message/delivery-status") for group in part.walk()]
        fields = [
            *(field(headers, "Message-ID") for headers in self.returned_headers()),
            *(field(group, "X-Original-Message-ID") for group in [*groups, self.message]),
            *(_QUOTED_MESSAGE_ID.findall(self.text())),
            field(self.message, "In-Reply-To"),
            *reversed(field(self.message, "References").split()),
        ]
        return next((match[0] for value in fields if (match := _MESSAGE_ID.search(value))), None)

    def returned_recipients(self) -> list[str]:
        """Return the addresses to which the mail that came back was written."""
        values = [field(headers, "To") for headers in self.returned_headers()] or _QUOTED_TO.findall(self.text())
        return [address for _, address in getaddresses(values) if is_address(address)]

    def text(self) -> str:
        """Return the text for people, up to a limit; a report in HTML as text."""
        # A multipart without its boundaries is text too.
        plain = [part for part in self.parts if part.get_content_type() == "text/plain" or _lacks_parts(part)]
        texts = [_text(part) for part in plain] or [_text_of_html(_text(part)) for part in self.of_type("text/html")]
        return "\n\n".join(texts)[:MAX_TEXT_LENGTH]


def field(part: Message, name: str) -> str:
    """Return a header as one line; empty if it is missing."""
    return one_line(str(part.get(name, ""))[: 2 * MAX_HEADER_LENGTH], MAX_HEADER_LENGTH)


def recipient_fields(part: Message, name: str) -> list[str]:
    """Return the addresses in ``rfc822; someone@example.com``, or of addresses alone; a field may be repeated."""
    values = [str(value)[:MAX_HEADER_LENGTH].rpartition(";")[2] for value in part.get_all(name, [])[:MAX_PARTS]]
    return [address for _, address in getaddresses(values) if is_address(address)]


def is_address(text: str) -> bool:
    """Return whether the text is an e-mail address."""
    try:
        EmailAddress.parse(text)
    except ValueError:
        return False
    return True


def _normalize(raw: bytes) -> bytes:
    raw = _GLOBAL_TYPE.sub(lambda match: match[1] + _TYPE_OF_GLOBAL[match[2].lower()], raw)
    return _SPACE_BEFORE_COLON.sub(rb"\1:", raw)


def _parse(raw: bytes) -> Message:
    if sum(1 for _ in _CONTAINER.finditer(raw)) > MAX_CONTAINERS:
        raise WebhookRejected("unreadable", f"more than {MAX_CONTAINERS} parts that hold parts")
    return message_from_bytes(raw, policy=_Utf8Headers())


def _parse_encoded(part: Message) -> Message:
    """Return an encoded message part anew (RFC 6533, 4): the parser has read its code as fields."""
    encoded = Message(policy=_Utf8Headers())
    encoded[_ENCODING] = field(part, _ENCODING)
    groups = part.get_payload()
    encoded.set_payload("\n".join(str(group) for group in groups) if isinstance(groups, list) else groups)
    return _parse(_normalize(b"Content-Type: %s\n\n" % part.get_content_type().encode() + _decoded(encoded)))


def _lacks_parts(part: Message) -> bool:
    return part.get_content_maintype() == "multipart" and not part.is_multipart()


def _decoded(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _text(part: Message) -> str:
    try:
        return _decoded(part).decode(part.get_content_charset("utf-8"), "replace").replace("\r\n", "\n")
    except (LookupError, ValueError):
        return _decoded(part).decode("utf-8", "replace")


def _text_of_html(html: str) -> str:
    first, *styled = _STYLE.split(html)
    without_styles = first + "".join(piece.partition("</style>")[2] or piece for piece in styled)
    return unescape(_TAG.sub("", _BLOCK_TAG.sub("\n", without_styles[: 5 * MAX_TEXT_LENGTH])))
