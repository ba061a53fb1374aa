"""Reports that come back: whose mailbox does not exist, who complained; and nothing that others may write breaks it."""

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


def read(message: bytes):
    return nps_read_bounces(connection=None, message=message)


def test_nps_read_bounces_reads_a_hard_bounce_with_our_message_id():
    [bounce] = read(delivery_report())
    assert (bounce.kind, bounce.address, bounce.message_id, bounce.status) == (
        "hard",
        "marie@example.com",
        "<abc@example.com>",
        "5.1.1",
    )
    assert bounce.detail == "smtp; 550 5.1.1 no such user"
    assert bounce.at.isoformat() == "2026-11-20T09:00:00+00:00"


def test_the_original_recipient_counts_where_mail_was_forwarded():
    [bounce] = read(delivery_report(original="Original-Recipient: rfc822; paul@example.com\n"))
    assert bounce.address == "paul@example.com"


@pytest.mark.parametrize(("status", "diagnostic"), [("5.2.2", "x"), ("5.7.1", "550 5.7.1 spam"), ("4.4.1", "timeout")])
def test_what_may_work_another_time_is_soft(status, diagnostic):
    assert [bounce.kind for bounce in read(delivery_report(status=status, diagnostic=diagnostic))] == ["soft"]


@pytest.mark.parametrize("action", ["delayed", "delivered", "relayed", "expanded", ""])
def test_a_report_without_a_failure_gives_none(action):
    assert read(delivery_report(action=action)) == []


def test_a_complaint_names_the_person_who_was_written_to():
    [bounce] = read(COMPLAINT)
    assert (bounce.kind, bounce.address, bounce.message_id) == ("complaint", "marie@example.com", "<abc@example.com>")
    assert read(COMPLAINT.replace(b"Feedback-Type: abuse", b"Feedback-Type: not-spam")) == []


@pytest.mark.parametrize(
    "message", [b"", b"Subject: hello\n\nI am on holiday", b"\xff\x00", b"Content-Type: multipart/report"]
)
def test_what_is_no_report_is_refused(message):
    with pytest.raises(WebhookRejected) as caught:
        read(message)
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
def test_when_a_mailbox_does_not_exist(text, code, hard):
    assert is_hard_bounce(text, code) is hard


@given(st.binary(max_size=300), st.integers(0, 700))
def test_no_report_breaks_the_reader(noise, place):
    message = delivery_report()
    for one in (message[:place] + noise + message[place:], message[:place], COMPLAINT[:place] + noise):
        with contextlib.suppress(WebhookRejected):
            assert all(bounce.kind in ("hard", "soft", "complaint") for bounce in read(one))
