"""Mails of the sandbox's mailbox: parsed, with the links that a reader could open."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from email import message_from_bytes, policy
from email.message import Message
from html.parser import HTMLParser
from typing import Any

_BARE_LINK = re.compile(r"https?://[^\s<>\"']+")
_HEADER_LINK = re.compile(r"<(https?://[^<>\s]+)>")


@dataclass(frozen=True)
class ReceivedMail:
    """One received mail.

    Attributes:
        number: 1 for the first.
        received_at: time of receipt (aware UTC).
        sender: envelope sender.
        to: envelope recipients.
        subject: decoded subject.
        headers: name and decoded value, in order; a header may occur twice.
        text: the plain-text part, or an empty text.
        html: the HTML part, or an empty text.
        links: web addresses in reading order, each once: from the HTML part, the plain text and `List-Unsubscribe`.
        images: ``data:`` address of each inline image by its content id; not part of the JSON.
        authenticated: whether the sender had logged in.
    """

    number: int
    received_at: datetime
    sender: str
    to: tuple[str, ...]
    subject: str
    headers: tuple[tuple[str, str], ...]
    text: str
    html: str
    links: tuple[str, ...]
    images: Mapping[str, str] = field(default_factory=dict)
    authenticated: bool = False

    def header(self, name: str) -> str | None:
        """Return the first header of that name (case-insensitive), or None."""
        normalized = name.casefold()
        return next((value for header_name, value in self.headers if header_name.casefold() == normalized), None)

    def links_to(self, start: str) -> tuple[str, ...]:
        """Return the links that start with this text, such as ``http://127.0.0.1:8040/s/``."""
        return tuple(link for link in self.links if link.startswith(start))

    def as_json(self) -> dict[str, Any]:
        """Return JSON-ready data."""
        data = {**asdict(self), "received_at": self.received_at.isoformat()}
        del data["images"]
        return data

    def displayed_html(self) -> str:
        """Return the HTML part with its inline images as ``data:`` addresses, as a mail program displays it."""
        html = self.html
        for content_id, address in self.images.items():
            html = html.replace(f"cid:{content_id}", address)
        return html


def parse_mail(
    content: bytes, *, number: int, sender: str, to: tuple[str, ...], received_at: datetime, authenticated: bool = False
) -> ReceivedMail:
    """Parse a received mail. It never fails: parts that cannot be parsed are left empty."""
    message = message_from_bytes(content, policy=policy.compat32)
    text, html = _part(message, "plain"), _part(message, "html")
    headers = tuple((name, _decode_header(name, value)) for name, value in message.items())
    unsubscribe = " ".join(value for name, value in headers if name.casefold() == "list-unsubscribe")
    return ReceivedMail(
        number=number,
        received_at=received_at,
        sender=sender,
        to=to,
        subject=next((value for name, value in headers if name.casefold() == "subject"), ""),
        headers=headers,
        text=text,
        html=html,
        images=dict(_inline_images(message)),
        links=find_links(html, text, unsubscribe),
        authenticated=authenticated,
    )


def find_links(html: str, text: str, unsubscribe: str = "") -> tuple[str, ...]:
    """Return the web addresses of a mail in reading order, each once.

    Args:
        html: the HTML part.
        text: the plain-text part.
        unsubscribe: content of `List-Unsubscribe`.
    """
    links = [*_parse_html_links(html), *_BARE_LINK.findall(text), *_HEADER_LINK.findall(unsubscribe)]
    return tuple(dict.fromkeys(links))


def _decode_header(name: str, value: object) -> str:
    try:
        return str(policy.default.header_factory(name, str(value).replace("\r", "").replace("\n", "")))
    except Exception:  # noqa: BLE001  # the library's header parser fails in many ways on broken headers
        return str(value)


def _inline_images(message: Message) -> Iterator[tuple[str, str]]:
    for part in message.walk():
        content_id = str(part.get("Content-ID", "")).strip(" <>")
        data = part.get_payload(decode=True)
        if content_id and part.get_content_maintype() == "image" and isinstance(data, bytes):
            yield content_id, f"data:{part.get_content_type()};base64,{base64.b64encode(data).decode()}"


def _part(message: Message, subtype: str) -> str:
    for part in message.walk():
        if part.get_content_type() != f"text/{subtype}" or part.get_content_disposition() == "attachment":
            continue
        raw = part.get_payload(decode=True)
        if not isinstance(raw, bytes):
            return ""
        try:
            return raw.decode(part.get_content_charset("utf-8"), "replace").replace("\r\n", "\n")
        except (LookupError, ValueError):
            return raw.decode("utf-8", "replace").replace("\r\n", "\n")
    return ""


def _parse_html_links(html: str) -> list[str]:
    parser = _LinkParser()
    parser.feed(html)
    parser.close()
    return parser.links


class _LinkParser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src", "action") and value and value.strip().startswith(("http://", "https://")):
                self.links.append(value.strip())
