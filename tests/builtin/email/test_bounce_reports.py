"""Bounce and complaint reports: classification, recipients, and robustness against arbitrary input."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps_connect import WebhookRejected
from nps_connect.builtin.email.bounce_classifier import is_hard_bounce
from nps_connect.builtin.email.bounce_reports import nps_read_bounces


def delivery_report(
    *, status="5.1.1", action="failed", diagnostic="smtp; 550 5.1.1 no such user", original=""
) -> bytes:
    return f"""From: MAILER-DAEMON@mx.example.com
To: care@example.com
Date: Fri, 20 Nov 2026 10:00:00 +0100
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

Sorry.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.com

{original}Final-Recipient: rfc822; marie@example.com
Action: {action}
Status: {status}
Diagnostic-Code: {diagnostic}

--b
Content-Type: text/rfc822-headers

Message-ID: <abc@example.com>
Subject: x

--b--
""".encode()


COMPLAINT = b"""From: abuse@mx.example.com
To: care@example.com
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b"

--b
Content-Type: text/plain

A complaint.

--b
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: Loop/1.0
Version: 1

--b
Content-Type: message/rfc822

From: care@example.com
To: Marie <marie@example.com>
Message-ID: <abc@example.com>

text

--b--
"""


def parse(message: bytes):
    return nps_read_bounces(connection=None, message=message)


def test_nps_read_bounces_returns_a_hard_bounce_with_our_message_id():
    [bounce] = parse(delivery_report())
    assert (bounce.kind, bounce.address, bounce.message_id, bounce.status) == (
        "hard",
        "marie@example.com",
        "<abc@example.com>",
        "5.1.1",
    )
    assert bounce.detail == "smtp; 550 5.1.1 no such user"
    assert bounce.at.isoformat() == "2026-11-20T09:00:00+00:00"


def test_the_original_recipient_counts_for_forwarded_mail():
    [bounce] = parse(delivery_report(original="Original-Recipient: rfc822; paul@example.com\n"))
    assert bounce.address == "paul@example.com"


@pytest.mark.parametrize(("status", "diagnostic"), [("5.2.2", "x"), ("5.7.1", "550 5.7.1 spam"), ("4.4.1", "timeout")])
def test_temporary_and_policy_failures_are_soft(status, diagnostic):
    assert [bounce.kind for bounce in parse(delivery_report(status=status, diagnostic=diagnostic))] == ["soft"]


@pytest.mark.parametrize("action", ["delayed", "delivered", "relayed", "expanded", ""])
def test_a_report_without_a_failure_yields_nothing(action):
    assert parse(delivery_report(action=action)) == []


def test_a_complaint_names_the_recipient_of_our_mail():
    [bounce] = parse(COMPLAINT)
    assert (bounce.kind, bounce.address, bounce.message_id) == ("complaint", "marie@example.com", "<abc@example.com>")
    assert parse(COMPLAINT.replace(b"Feedback-Type: abuse", b"Feedback-Type: not-spam")) == []


@pytest.mark.parametrize(
    "message", [b"", b"Subject: hello\n\nI am on holiday", b"\xff\x00", b"Content-Type: multipart/report"]
)
def test_other_messages_are_refused(message):
    with pytest.raises(WebhookRejected) as caught:
        parse(message)
    assert caught.value.reason == "unreadable"


@pytest.mark.parametrize(
    ("text", "code", "hard"),
    [
        ("5.1.1 no such user", 550, True),
        ("no such user", 550, True),
        ("5.1.10 null MX", 556, True),
        ("5.2.1 closed", 550, True),
        ("5.7.1 listed", 550, False),
        ("5.2.2 full", 552, False),
        ("mailbox full", 552, False),
        ("not now", 450, False),
        ("smtp; 550 5.0.0 unknown", None, True),
        ("port 5500", None, False),
        ("", None, False),
    ],
)
def test_hard_bounce_classification(text, code, hard):
    assert is_hard_bounce(text, code) is hard


@given(st.binary(max_size=300), st.integers(0, 700))
def test_arbitrary_input_yields_bounces_or_a_refusal(noise, position):
    message = delivery_report()
    damaged = (message[:position] + noise + message[position:], message[:position], COMPLAINT[:position] + noise)
    for report in damaged:
        with contextlib.suppress(WebhookRejected):
            assert all(bounce.kind in ("hard", "soft", "complaint") for bounce in parse(report))
