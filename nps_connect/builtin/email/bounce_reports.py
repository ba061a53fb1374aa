"""Parses delivery status reports (RFC 3464, RFC 6533), complaints (ARF, RFC 5965) and bounces in prose."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from email.message import Message

from nps_connect import Bounce, Connection, WebhookRejected, hookimpl, one_line
from nps_connect.builtin.email.bounce_classifier import ENHANCED, Cause, Refusal, classify, stage_in
from nps_connect.builtin.email.json_notifications import JsonNotification, load_notification
from nps_connect.builtin.email.prose_bounces import prose_failures, refusal_about
from nps_connect.builtin.email.report_message import MAX_HEADER_LENGTH, ReportMessage, field, recipient_fields
from nps_connect.builtin.email.settings import EmailSettings

MAX_BOUNCES = 100
MAX_DETAIL_LENGTH = 300
_COMPLAINT_SUBJECT = re.compile(r"complaint about message from\b", re.IGNORECASE)
"""Of complaints that hold the mail as it came, without a feedback part."""

FAILED_ACTIONS = frozenset({"failed", "failure", "error"})
"""The first is of RFC 3464; some servers write another."""

COMPLAINT_TYPES = frozenset({"abuse", "opt-out", "opt-out-list", ""})
"""Feedback types by which a person complains (RFC 5965, 7.3; RFC 6650). The others, such as `auth-failure`, `fraud` and
`virus`, concern our mail server or other people's mail."""


@hookimpl
def nps_read_bounces(connection: Connection[EmailSettings], message: bytes) -> Sequence[Bounce]:  # noqa: ARG001
    """Parse one report into bounces.

    Raises:
        WebhookRejected: the message is neither a bounce nor a complaint, or is nested too deeply.
    """
    report = ReportMessage(message)
    statuses = report.of_type("message/delivery-status")
    complaints = report.of_type("message/feedback-report")
    common: dict[str, object] = {"message_id": report.returned_message_id(), "at": report.date()}
    if complaints:
        return [bounce for part in complaints for bounce in _complaints(part, common)][:MAX_BOUNCES]
    if any(_action(group) for part in statuses for group in _recipient_groups(part)):
        return [bounce for part in statuses for bounce in _failures(part, report, common)][:MAX_BOUNCES]
    return _unstructured_bounces(report, common)[:MAX_BOUNCES]


def _unstructured_bounces(report: ReportMessage, common: dict[str, object]) -> list[Bounce]:
    """Return the bounces of a message without a part for machines, or with one in JSON."""
    if _COMPLAINT_SUBJECT.match(field(report.message, "Subject")):
        return list(_complaint_bounces((), "complaint (forwarded mail)", common))
    if notification := load_notification(report):
        return list(_notified_bounces(notification, common))
    failures = prose_failures(report)
    if failures is None:
        raise WebhookRejected("unreadable", "neither a bounce nor a complaint")
    return [_bounce(refusal, address, common, cause) for address, refusal, cause in failures]


def _notified_bounces(notification: JsonNotification, common: dict[str, object]) -> Iterator[Bounce]:
    common = {**common, "message_id": notification.mail.common_headers.message_id}
    for recipient in notification.bounce.bounced_recipients if notification.bounce else ():
        status = ENHANCED.search(recipient.status)
        refusal = Refusal(one_line(recipient.diagnostic_code, MAX_HEADER_LENGTH), status=status[0] if status else None)
        yield _bounce(refusal, recipient.email_address, common, classify(refusal))
    complaint = notification.complaint
    if complaint and (complaint.complaint_feedback_type or "") in COMPLAINT_TYPES:
        addresses = [recipient.email_address for recipient in complaint.complained_recipients]
        yield from _complaint_bounces(addresses, "complaint (notification)", common)


def _recipient_groups(part: Message) -> list[Message]:
    groups = part.get_payload()
    return (
        [group for group in groups if isinstance(group, Message)][: MAX_BOUNCES + 1] if isinstance(groups, list) else []
    )


def _action(group: Message) -> str:
    """Return the first word of a group's action: some servers add a comment."""
    return (field(group, "Action").lower().split() or [""])[0]


def _failures(part: Message, report: ReportMessage, common: dict[str, object]) -> Iterator[Bounce]:
    for group in _recipient_groups(part):
        action = _action(group)
        if action not in {*FAILED_ACTIONS, "delayed"}:
            continue
        # A mailbox behind an alias is not the alias: only the final recipient is the one that failed.
        # One that cannot be read is not ours either.
        final = field(group, "Final-Recipient").rpartition(";")[2].strip()
        addresses = recipient_fields(group, "Final-Recipient" if final else "Original-Recipient")
        address = addresses[0] if addresses else final or None
        refusal = _refusal(group, report, address)
        yield _bounce(refusal, address, common, Cause.TEMPORARY if action == "delayed" else classify(refusal))


def _refusal(group: Message, report: ReportMessage, address: str | None) -> Refusal:
    diagnostic = field(group, "Diagnostic-Code") or field(group, "X-Supplementary-Info")
    status = ENHANCED.search(field(group, "Status"))
    about = refusal_about(report, address, status=status[0] if status else None)
    server = field(group, "Remote-MTA").rpartition(";")[2].strip() or (address or "").rpartition("@")[2]
    return replace(about, text=diagnostic or about.text, stage=stage_in(diagnostic) or about.stage, server=server)


def _bounce(refusal: Refusal, address: str | None, common: dict[str, object], cause: Cause) -> Bounce:
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


def _complaints(part: Message, common: dict[str, object]) -> Iterator[Bounce]:
    fields = part.get_payload()
    group = fields[0] if isinstance(fields, list) and fields and isinstance(fields[0], Message) else part
    kind = field(group, "Feedback-Type").lower()
    if kind not in COMPLAINT_TYPES:
        return
    detail = f"complaint ({kind or 'without a type'})"
    yield from _complaint_bounces(recipient_fields(group, "Original-Rcpt-To"), detail, common)


def _complaint_bounces(addresses: Sequence[str], detail: str, common: dict[str, object]) -> Iterator[Bounce]:
    """Yield a complaint for each recipient that the report states, or one for the recipient of the mail.

    `To` in the returned copy is ours, or changed by a provider that conceals who complained: it proves nothing.
    """
    recipients: Sequence[str | None] = addresses or [None]
    for address in recipients:
        yield Bounce.model_validate({**common, "kind": "complaint", "address": address, "detail": detail})
