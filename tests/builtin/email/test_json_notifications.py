"""Notifications of cloud mailers as JSON: bounces and complaints with the Message-ID that we sent."""

from __future__ import annotations

import json

import pytest

from nps_connect import WebhookRejected
from nps_connect.builtin.email.bounce_reports import nps_read_bounces

MAIL = {"messageId": "0102-of-the-mailer", "commonHeaders": {"messageId": "<ours@example.com>", "subject": "x"}}
GONE = {"emailAddress": "marie@example.com", "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 no such user"}
FULL = {"emailAddress": "paul@example.com", "status": "5.2.2", "diagnosticCode": "smtp; 552 mailbox full"}


def parse(content: object) -> list[tuple[str, str | None, str | None]]:
    text = content if isinstance(content, str) else json.dumps(content)
    message = f"From: no-reply@example.net\nSubject: Notification\n\n{text}\n\n--\nTo stop these mails, visit us.\n"
    bounces = nps_read_bounces(connection=None, message=message.encode())
    return [(bounce.kind, bounce.address, bounce.message_id) for bounce in bounces]


def test_each_bounced_recipient_is_classified():
    assert parse({"notificationType": "Bounce", "bounce": {"bouncedRecipients": [GONE, FULL]}, "mail": MAIL}) == [
        ("hard", "marie@example.com", "<ours@example.com>"),
        ("soft", "paul@example.com", "<ours@example.com>"),
    ]


@pytest.mark.parametrize("feedback", [{}, {"complaintFeedbackType": "abuse"}])
def test_a_complaint_is_read_inside_an_envelope_too(feedback):
    complaint = {"complainedRecipients": [{"emailAddress": "marie@example.com"}], **feedback}
    notification = {"notificationType": "Complaint", "complaint": complaint, "mail": MAIL}
    expected = [("complaint", "marie@example.com", "<ours@example.com>")]
    assert parse(notification) == expected
    assert parse({"Type": "Notification", "Message": json.dumps(notification)}) == expected


def test_reports_of_viruses_and_deliveries_are_neither():
    complaint = {"complainedRecipients": [{"emailAddress": "marie@example.com"}], "complaintFeedbackType": "virus"}
    assert parse({"complaint": complaint, "mail": MAIL}) == []
    assert parse({"notificationType": "Delivery", "mail": MAIL}) == []


@pytest.mark.parametrize("text", ["{", "{}", "[]", '{"mail": 1}', '{"a":' * 5_000, '{"Message": "{"}'])
def test_other_json_is_no_report(text):
    with pytest.raises(WebhookRejected, match="neither a bounce nor a complaint"):
        parse(text)
