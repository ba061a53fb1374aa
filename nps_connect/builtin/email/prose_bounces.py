"""Reads bounces that are written for people only: no `message/delivery-status` part. Pure.

`flufl.bounce` finds the recipients. Its distinction of permanent and temporary failures is not used for hard or soft:
it says that the server gave up, not that the mailbox does not exist.
"""

from __future__ import annotations

import logging
import re
from email import message_from_bytes
from email.utils import getaddresses

from nps_connect.builtin.email.bounce_classifier import Cause, Refusal, classify, stage_in
from nps_connect.builtin.email.report_message import ReportMessage, field, is_address

MAX_RECIPIENTS = 100
MAX_REFUSAL_LENGTH = 4_000
MAX_SCANNED_BYTES = 64 * 1024
# It logs the text of a mail that it cannot read, with a traceback.
logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)

_DAEMON = re.compile(
    r"mailer[-_ ]?daemon|post[-_ ]?master|mail ?delivery|mail administrator|mail server|^<>$|undeliverable",
    re.IGNORECASE,
)
_SUBJECT = re.compile(
    r"undeliver|deliver\w* (?:\w+ ){0,3}(?:fail|error|problem|unsuccessful|report)|fail\w* (?:\w+ ){0,2}(?:notice"
    r"|deliver)"
    r"|returned (?:e?mail|message|to sender)|(?:e?mail|message) (?:\w+ ){0,2}returned|not delivered"
    r"|non[- ]?(?:remis|delivery|deliverable)"
    r"|unzustellbar|mail (?:system )?error",
    re.IGNORECASE,
)
_DELAY = re.compile(
    r"\bdelay(?:ed)?\b|could not send (?:message )?for|still (?:being )?(?:retried|trying)|verz[o\u00f6]ger",
    re.IGNORECASE,
)
_LINE_START = re.compile(r"^[ \t>\"'(<]{0,8}([^\s@<>\"'():;,]{1,64}@[\w.-]{3,253}\w)", re.MULTILINE)
_SECTION = re.compile(r"\n(?=[ \t>\"'(<]{0,8}[^\s@<>\"'():;,]{1,64}@[\w.-]{3,253})")
_RETURNED_COPY = re.compile(
    r"^.{0,60}(?:copy of (?:the|your) (?:original )?message|original (?:message|mail) (?:follows|headers?|is)"
    r"|header of the original"
    r"|below this line|message headers? follow|forwarded message|(?<!attached )returned message|unsent message"
    r"|^-{3,} ?original message).{0,80}$"
    r"|^(?:Received|Return-Path):\s",
    re.IGNORECASE | re.MULTILINE,
)


def prose_failures(report: ReportMessage) -> list[tuple[str | None, Refusal, Cause]] | None:
    """Return recipient, refusal and cause of each failure or delay; None if the message is not a bounce.

    The recipient is None if only the Message-ID says which mail came back.
    """
    delayed, failed = _scan(report)
    is_bounce = _is_bounce(report)
    is_delay = bool(delayed) or (is_bounce and _DELAY.search(field(report.message, "Subject")) is not None)
    named = delayed or failed
    if not named and is_bounce:
        named = _named_recipients(report)
    recipients: list[str | None] = [*_in_order(report, set(named))]
    if not recipients and is_bounce and report.returned_message_id():
        recipients = [None]
    is_alone = len(recipients) == 1
    refusals = [(address, refusal_about(report, address, is_alone=is_alone)) for address in recipients]
    return [(address, text, Cause.TEMPORARY if is_delay else classify(text)) for address, text in refusals] or None


def refusal_about(
    report: ReportMessage, address: str | None, *, status: str | None = None, is_alone: bool = True
) -> Refusal:
    """Return what the text for people says about a recipient.

    Args:
        report: the report.
        address: of the recipient.
        status: the enhanced code that the report states elsewhere.
        is_alone: there is no other recipient, so that the whole text is about this one.
    """
    text = _own_text(report)
    sections = [section for paragraph in re.split(r"\n[ \t]*\n", text) for section in _SECTION.split(paragraph)]
    naming = [section for section in sections if address is not None and address.lower() in section.lower()]
    texts = [" ".join(naming), *([text] if is_alone or not naming else [])]
    refusals = [_refusal(candidate, status) for candidate in texts if candidate.strip()]
    decided = [refusal for refusal in refusals if classify(refusal) is not Cause.UNDECIDED]
    return next(iter(decided or refusals), Refusal("", status=status))


def _refusal(text: str, status: str | None) -> Refusal:
    line = " ".join(text.split())[:MAX_REFUSAL_LENGTH]
    return Refusal(line, status=status, stage=stage_in(line))


def _own_text(report: ReportMessage) -> str:
    """Return the text for people without the copy of the mail that came back."""
    text = report.text()
    match = _RETURNED_COPY.search(text)
    return text[: match.start()] if match and text[: match.start()].strip() else text


def _is_bounce(report: ReportMessage) -> bool:
    sender = field(report.message, "From")
    return bool(_DAEMON.search(sender) or _SUBJECT.search(field(report.message, "Subject")))


def _named_recipients(report: ReportMessage) -> list[str]:
    """Return the recipients in `X-Failed-Recipients`, else those of the returned mail, else those that start a line."""
    text = _own_text(report)
    sources = (
        getaddresses([field(report.message, "X-Failed-Recipients")]),
        [("", address) for address in report.returned_recipients() if address.lower() in text.lower()],
        [("", address) for address in _LINE_START.findall(text)[:MAX_RECIPIENTS]],
    )
    ourselves = {address.lower() for _, address in getaddresses([field(report.message, "To")])}
    valid = (
        [address for _, address in source if is_address(address) and address.lower() not in ourselves]
        for source in sources
    )
    return next((addresses for addresses in valid if addresses), [])


def _in_order(report: ReportMessage, addresses: set[str]) -> list[str]:
    """Return the addresses in the order in which the text names them."""
    text = report.text().lower()
    return sorted(addresses, key=lambda address: (text.find(address.lower()), address))[:MAX_RECIPIENTS]


def _scan(report: ReportMessage) -> tuple[list[str], list[str]]:
    """Return the recipients with a delay and with a failure that `flufl.bounce` finds."""
    from flufl.bounce import all_failures  # most commands never read a bounce

    # Its own message object: it expects the headers of the standard policy.
    message = message_from_bytes(report.raw[:MAX_SCANNED_BYTES])
    try:
        delayed, failed = all_failures(message)
    except Exception:  # noqa: BLE001  # its detectors raise anything on damaged mail
        return [], []
    return _addresses(delayed), _addresses(failed)


def _addresses(recipients: frozenset[bytes]) -> list[str]:
    texts = sorted(address.decode("utf-8", "replace").strip() for address in recipients)
    return [address for address in texts if is_address(address)]
