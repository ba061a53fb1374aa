"""Builds the MIME mail of a message. Pure."""

from __future__ import annotations

import re
from datetime import datetime
from email.header import Header
from email.headerregistry import Address as HeaderAddress
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit

from nps_connect import InlineImage, Message, Rejected, is_loopback, one_line
from nps_connect.builtin.email.addresses import MAX_NAME_LENGTH, EmailAddress, split_sender
from nps_connect.builtin.email.settings import EmailSettings

MAX_HEADER_VALUE_LENGTH = 900
MAX_SUBJECT_LENGTH = 300
_UNFOLDED = frozenset({"list-unsubscribe", "list-id", "message-id"})
_TOKEN = re.compile(r"[A-Za-z0-9._@+-]{1,100}")
_LANGUAGE = re.compile(r"[A-Za-z0-9]{1,8}(-[A-Za-z0-9]{1,8}){0,4}")
_MEDIA = re.compile(r"image/[a-z0-9.+-]{1,60}")


class SmtpPolicy(EmailPolicy):
    """CRLF line ends, seven bits, and headers that every mail program can read.

    The standard policy turns a long URL into encoded words, which breaks unsubscribe buttons, and for some mixtures of
    alphabets produces encoded words longer than the 75 characters of RFC 2047.
    """

    def fold_binary(self, name: str, value: Any) -> bytes:  # noqa: ANN401  # as declared by the base class
        """Return one header in wire format."""
        if name.lower() in _UNFOLDED:
            return f"{name}: {value}{self.linesep}".encode("ascii")
        if self.utf8 or str(value).isascii():
            return super().fold_binary(name, value)
        if name.lower() == "subject":
            return f"{name}: {self._encoded(name, str(value))}{self.linesep}".encode("ascii")
        [address] = value.addresses
        display_name = self._encoded(name, address.display_name)
        return f"{name}: {display_name}{self.linesep} <{address.addr_spec}>{self.linesep}".encode("ascii")

    def _encoded(self, name: str, text: str) -> str:
        return Header(text, "utf-8", maxlinelen=75, header_name=name).encode(linesep=self.linesep)


SEVEN_BITS = SmtpPolicy(linesep="\r\n", cte_type="7bit", raise_on_defect=False)
SMTPUTF8 = SEVEN_BITS.clone(utf8=True)


def message_id(message: Message, sender: EmailAddress) -> str:
    """Return the ``Message-ID``: the same for every attempt of a delivery."""
    return f"<{message.message_id}@{sender.domain}>"


def recipient(message: Message) -> EmailAddress:
    """Return the recipient's address.

    Raises:
        Rejected: the address is invalid.
    """
    try:
        return EmailAddress.parse(message.to.email)
    except ValueError as error:
        raise Rejected(f"the recipient's address is invalid: {error}") from None


def build_mime_message(message: Message, settings: EmailSettings, now: datetime) -> bytes:
    """Build the complete mail with CRLF line ends, without dot-stuffing.

    Auto-replies are suppressed by ``Auto-Submitted`` (RFC 3834), the list headers (RFC 5230) and
    ``X-Auto-Response-Suppress``; ``Precedence`` is omitted: no current responder needs it, and RFC 2076 discourages it.

    Args:
        now: for ``Date`` (aware).

    Raises:
        Rejected: the recipient or a part of the message cannot be represented in a mail.
    """
    to = recipient(message)
    name, sender = split_sender(settings.sender)
    mail = EmailMessage(policy=SEVEN_BITS if to.local.isascii() else SMTPUTF8)
    mail["From"] = _header_address(name, sender)
    mail["To"] = _header_address(one_line(message.to.name or "", MAX_NAME_LENGTH), to)
    mail["Reply-To"] = _header_address("", EmailAddress.parse(settings.reply_to))
    mail["Subject"] = one_line(message.subject, MAX_SUBJECT_LENGTH)
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = message_id(message, sender)
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "OOF, AutoReply"
    mail["X-NPS-Connect-Kind"] = message.kind
    if message.test:
        mail["X-NPS-Connect-Test"] = "yes"
    _add_list_headers(mail, message)
    _add_bodies(mail, message)
    if _LANGUAGE.fullmatch(message.language):
        mail["Content-Language"] = message.language  # last: setting a body clears every Content- header
    return mail.as_bytes()


def _header_address(name: str, mailbox: EmailAddress) -> HeaderAddress:
    return HeaderAddress(name, mailbox.local, mailbox.domain)


def _add_list_headers(mail: EmailMessage, message: Message) -> None:
    if message.list_id:
        mail["List-Id"] = f"<{_header_token(message.list_id, 'list id')}>"
    if message.unsubscribe_url:
        mail["List-Unsubscribe"] = f"<{_unsubscribe_url(message.unsubscribe_url)}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    elif message.kind != "fallback":  # fallback mails go to staff
        raise Rejected("a message to a customer must hold an unsubscribe address")


def _unsubscribe_url(url: str) -> str:
    """Return the address if it is HTTPS (RFC 8058, section 3.1), or HTTP on this machine for sandboxes."""
    parts = urlsplit(_header_token(url, "unsubscribe address"))
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        raise Rejected("the unsubscribe address must be https:// (RFC 8058); set core.public_url to an https address")
    return url


def _header_token(value: str, what: str) -> str:
    if not value.isascii() or not value.isprintable() or any(char in ' <>"' for char in value):
        raise Rejected(f"the {what} holds characters that a mail header cannot carry")
    if len(value) > MAX_HEADER_VALUE_LENGTH:
        raise Rejected(f"the {what} is longer than {MAX_HEADER_VALUE_LENGTH} characters")
    return value


def _add_bodies(mail: EmailMessage, message: Message) -> None:
    mail.set_content(_encodable(message.text), cte="quoted-printable")
    if message.html is None:
        return
    mail.add_alternative(_encodable(message.html), subtype="html", cte="quoted-printable")
    html = mail.get_body(("html",))
    for image in message.inline_images:
        if html is not None:
            _add_image(html, image)


def _add_image(html: Any, image: InlineImage) -> None:  # noqa: ANN401  # typed as the base class, which lacks add_related
    if not _TOKEN.fullmatch(image.content_id) or not _MEDIA.fullmatch(image.media_type):
        raise Rejected("an inline image has a content id or media type that a mail cannot carry")
    kind, subtype = image.media_type.split("/")
    html.add_related(image.data, kind, subtype, cid=f"<{image.content_id}>", disposition="inline")


def _encodable(text: str) -> str:
    """Replace lone surrogates, which no encoding supports, and end the text with a line break."""
    return text.encode("utf-8", "replace").decode("utf-8").rstrip("\n") + "\n"
