"""Parses delivery status reports (RFC 3464, RFC 6533), complaints (ARF, RFC 5965) and bounces in prose."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from email.message import Message

from nps_connect import Bounce, Connection, WebhookRejected, hookimpl
from nps_connect.builtin.email.bounce_classifier import ENHANCED, Refusal, classify, stage_in
from nps_connect.builtin.email.prose_bounces import prose_failures, refusal_about
from nps_connect.builtin.email.report_message import ReportMessage, field, recipient_fields

MAX_BOUNCES = 100
MAX_DETAIL_LENGTH = 300
_COMPLAINT_SUBJECT = re.compile(r"complaint about message from\b", re.IGNORECASE)
"""Of complaints that hold the mail as it came, without a feedback part."""

COMPLAINT_TYPES = frozenset({"abuse", "opt-out", "opt-out-list", ""})
"""Feedback types by which a person complains (RFC 5965, 7.3; RFC 6650). The others, such as `auth-failure`, `fraud` and
`virus`, concern our mail server or other people's mail."""


@hookimpl
def nps_read_bounces(connection: Connection, message: bytes) -> Sequence[Bounce]:  # noqa: ARG001
    """Parse one report into bounces.

    Raises:
        WebhookRejected: the message is neither a bounce nor a complaint, or is nested too deeply.
    """
    report = ReportMessage(message)
    statuses = report.of_type("message/delivery-status")
    complaints = report.of_type("message/feedback-report")
    common: dict[str, object] = {"message_id": report.returned_message_id(), "at": report.date()}
    if not complaints and not statuses and _COMPLAINT_SUBJECT.match(field(report.message, "Subject")):
        return list(_complaint_bounces((), "complaint (forwarded mail)", report, common))
    if complaints:
        return [bounce for part in complaints for bounce in _complaints(part, report, common)][:MAX_BOUNCES]
    bounces = [bounce for part in statuses for bounce in _failures(part, report, common)]
    if not statuses:
        failures = prose_failures(report)
        if failures is None:
            raise WebhookRejected("unreadable", "neither a bounce nor a complaint")
        bounces = [_bounce(refusal, address, common) for address, refusal in failures]
    return bounces[:MAX_BOUNCES]


def _failures(part: Message, report: ReportMessage, common: dict[str, object]) -> Iterator[Bounce]:
    groups = part.get_payload()
    for group in groups[: MAX_BOUNCES + 1] if isinstance(groups, list) else ():
        if not isinstance(group, Message) or field(group, "Action").lower() != "failed":
            continue
        # A mailbox behind an alias is not the alias: only the final recipient is the one that failed.
        addresses = recipient_fields(group, "Final-Recipient") or recipient_fields(group, "Original-Recipient")
        address = addresses[0] if addresses else None
        yield _bounce(_refusal(group, report, address), address, common)


def _refusal(group: Message, report: ReportMessage, address: str | None) -> Refusal:
    diagnostic = field(group, "Diagnostic-Code") or field(group, "X-Supplementary-Info")
    status = ENHANCED.search(field(group, "Status"))
    about = refusal_about(report, address, status=status[0] if status else None)
    server = field(group, "Remote-MTA").rpartition(";")[2].strip()
    return replace(about, text=diagnostic or about.text, stage=stage_in(diagnostic) or about.stage, server=server)


def _bounce(refusal: Refusal, address: str | None, common: dict[str, object]) -> Bounce:
    cause = classify(refusal)
    return Bounce.model_validate(
        {
            **common,
            "kind": "hard" if cause.is_hard else "soft",
            "address": address,
            "concerns_mailbox": cause.concerns_mailbox,
            "status": refusal.status,
            "detail": refusal.text[:MAX_DETAIL_LENGTH],
        }
    )


def _complaints(part: Message, report: ReportMessage, common: dict[str, object]) -> Iterator[Bounce]:
    fields = part.get_payload()
    group = fields[0] if isinstance(fields, list) and fields and isinstance(fields[0], Message) else part
    kind = field(group, "Feedback-Type").lower()
    if kind not in COMPLAINT_TYPES:
        return
    detail = f"complaint ({kind or 'without a type'})"
    yield from _complaint_bounces(recipient_fields(group, "Original-Rcpt-To"), detail, report, common)


def _complaint_bounces(
    addresses: Sequence[str], detail: str, report: ReportMessage, common: dict[str, object]
) -> Iterator[Bounce]:
    """Yield a complaint for each recipient; providers that conceal it leave the recipients of the returned mail."""
    recipients: Sequence[str | None] = addresses or report.returned_recipients()[:1] or [None]
    for address in recipients[:MAX_BOUNCES]:
        yield Bounce.model_validate({**common, "kind": "complaint", "address": address, "detail": detail})
