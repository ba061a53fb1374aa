"""Parses delivery status reports (RFC 3464) and complaints (ARF, RFC 5965)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message
from email.utils import parseaddr, parsedate_to_datetime

from nps_connect import Bounce, Connection, WebhookRejected, hookimpl
from nps_connect.builtin.email.addresses import EmailAddress, one_line
from nps_connect.builtin.email.bounce_classifier import ENHANCED, is_hard_bounce

MAX_DETAIL_LENGTH = 300
_MESSAGE_ID = re.compile(r"<[^<>\s]{3,300}>")


@hookimpl
def nps_read_bounces(connection: Connection, message: bytes) -> Sequence[Bounce]:  # noqa: ARG001
    """Parse one report into bounces.

    Raises:
        WebhookRejected: the message is neither a delivery status report nor a complaint.
    """
    report = message_from_bytes(message)
    parts = list(report.walk())
    statuses = [part for part in parts if part.get_content_type() == "message/delivery-status"]
    complaints = [part for part in parts if part.get_content_type() == "message/feedback-report"]
    if not statuses and not complaints:
        raise WebhookRejected("unreadable", "neither a delivery status report nor a complaint")
    common: dict[str, object] = {"message_id": _message_id(parts), "at": _parse_date(report)}
    failures = [bounce for part in statuses for bounce in _failures(part, common)]
    return [*failures, *(bounce for part in complaints for bounce in _complaints(part, parts, common))]


def _failures(part: Message, common: dict[str, object]) -> Iterator[Bounce]:
    groups = part.get_payload()
    for group in groups if isinstance(groups, list) else ():
        if not isinstance(group, Message) or _field(group, "Action").lower() != "failed":
            continue
        detail = _field(group, "Diagnostic-Code")
        status = ENHANCED.search(_field(group, "Status"))
        hard = is_hard_bounce(detail, status=status[0] if status else None)
        yield Bounce.model_validate(
            {
                **common,
                "kind": "hard" if hard else "soft",
                "address": _recipient(_field(group, "Original-Recipient"))
                or _recipient(_field(group, "Final-Recipient")),
                "status": status[0] if status else None,
                "detail": detail[:MAX_DETAIL_LENGTH],
            }
        )


def _complaints(part: Message, parts: Sequence[Message], common: dict[str, object]) -> Iterator[Bounce]:
    fields = part.get_payload()
    group = fields[0] if isinstance(fields, list) and fields and isinstance(fields[0], Message) else part
    kind = _field(group, "Feedback-Type").lower()
    if kind == "not-spam":
        return
    reported = _recipient(_field(group, "Original-Rcpt-To"))
    returned = next((address for returned in parts[1:] if (address := _address(_field(returned, "To")))), None)
    yield Bounce.model_validate(
        {
            **common,
            "kind": "complaint",
            "address": reported or returned,
            "detail": f"complaint ({kind or 'without a type'})"[:MAX_DETAIL_LENGTH],
        }
    )


def _message_id(parts: Sequence[Message]) -> str | None:
    """Return the Message-ID of our mail, which the report includes whole or as headers."""
    for number, part in enumerate(parts):
        if part.get_content_type() == "text/rfc822-headers":
            text = part.get_payload(decode=True)
            part = message_from_bytes(text if isinstance(text, bytes) else b"")  # noqa: PLW2901
        elif number == 0 or part.get_content_type().startswith("message/"):
            continue
        match = _MESSAGE_ID.search(_field(part, "Message-ID"))
        if match:
            return match[0]
    return None


def _parse_date(report: Message) -> datetime | None:
    try:
        moment = parsedate_to_datetime(_field(report, "Date"))
    except (ValueError, TypeError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _recipient(field: str) -> str | None:
    """Return the address in ``rfc822; someone@example.com``, or an address alone."""
    return _address(field.rpartition(";")[2])


def _address(text: str) -> str | None:
    try:
        EmailAddress.parse(parseaddr(text)[1])
    except ValueError:
        return None
    return parseaddr(text)[1]


def _field(part: Message, name: str) -> str:
    """Return a header as one line; empty if it is missing."""
    return one_line(str(part.get(name, "")), 2_000)
