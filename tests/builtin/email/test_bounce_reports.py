"""Bounce and complaint reports: classification, recipients, and robustness against arbitrary input."""

from __future__ import annotations

import contextlib
from base64 import encodebytes
from quopri import encodestring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps_connect import WebhookRejected
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


def test_the_mailbox_that_failed_is_the_final_recipient_not_the_alias_that_was_written_to():
    [bounce] = parse(delivery_report(original="Original-Recipient: rfc822; team@example.com\n"))
    assert bounce.address == "marie@example.com"


def test_only_repeated_refusals_about_the_mailbox_are_marked():
    [full] = parse(delivery_report(status="5.2.2", diagnostic="smtp; 552 5.2.2 mailbox full"))
    [listed] = parse(delivery_report(status="5.7.1", diagnostic="smtp; 550 5.7.1 listed at zen.spamhaus.org"))
    assert (full.concerns_mailbox, listed.concerns_mailbox) == (True, False)


@pytest.mark.parametrize(("status", "diagnostic"), [("5.2.2", "x"), ("5.7.1", "550 5.7.1 spam"), ("4.4.1", "timeout")])
def test_temporary_and_policy_failures_are_soft(status, diagnostic):
    assert [bounce.kind for bounce in parse(delivery_report(status=status, diagnostic=diagnostic))] == ["soft"]


@pytest.mark.parametrize("diagnostic", ["smtp; 450 4.2.0 greylisted", "smtp; 550 5.1.1 no such user"])
def test_a_warning_of_a_delay_is_soft_and_not_about_the_mailbox(diagnostic):
    [bounce] = parse(delivery_report(action="delayed", diagnostic=diagnostic))
    assert (bounce.kind, bounce.concerns_mailbox) == ("soft", False)


@pytest.mark.parametrize("action", ["delivered", "relayed", "expanded"])
def test_a_report_without_a_failure_yields_nothing(action):
    assert parse(delivery_report(action=action)) == []


@pytest.mark.parametrize("action", ["failed (Bad destination mailbox address)", "failure", "error"])
def test_the_action_of_a_failure_may_have_a_comment_or_another_word(action):
    assert [bounce.kind for bounce in parse(delivery_report(action=action))] == ["hard"]


def test_a_report_whose_part_for_machines_is_empty_is_read_as_prose():
    report = (
        delivery_report().replace(b"Action: failed\n", b"").replace(b"Sorry.", b"<marie@example.com>: no such user")
    )
    assert [(bounce.kind, bounce.address) for bounce in parse(report)] == [("hard", "marie@example.com")]


def test_empty_lines_before_the_header_are_ignored():
    assert [bounce.kind for bounce in parse(b"\n \n" + delivery_report())] == ["hard"]


def test_the_recipients_domain_names_the_server_if_the_report_does_not():
    unavailable = {"status": "5.5.0", "diagnostic": "smtp; 550 Requested action not taken: mailbox unavailable"}
    assert [bounce.kind for bounce in parse(delivery_report(**unavailable))] == ["soft"]
    at_provider = delivery_report(**unavailable).replace(b"marie@example.com", b"marie@hotmail.com")
    assert [bounce.kind for bounce in parse(at_provider)] == ["hard"]


def test_the_refused_step_is_read_from_the_text_of_postfix():
    text = (
        b"You can\ndelete your own text from the attached returned message.\n\n<marie@example.com>: host mx.example.com "
        b"said: 550 5.1.1 User unknown\n    (in reply to end of DATA command)"
    )
    assert [bounce.kind for bounce in parse(delivery_report().replace(b"Sorry.", text))] == ["soft"]


def test_a_complaint_names_our_mail_and_no_recipient_that_only_the_returned_copy_names():
    [bounce] = parse(COMPLAINT)
    assert (bounce.kind, bounce.address, bounce.message_id) == ("complaint", None, "<abc@example.com>")


def test_a_complaint_about_several_recipients_is_one_for_each():
    named = b"Original-Rcpt-To: paul@example.com\nOriginal-Rcpt-To: zoe@example.com\nVersion: 1"
    bounces = parse(COMPLAINT.replace(b"Version: 1", named))
    assert [bounce.address for bounce in bounces] == ["paul@example.com", "zoe@example.com"]


@pytest.mark.parametrize("kind", ["auth-failure", "dmarc", "virus", "fraud", "other", "not-spam"])
def test_reports_about_mail_servers_and_forgeries_are_no_complaints(kind):
    assert parse(COMPLAINT.replace(b"Feedback-Type: abuse", f"Feedback-Type: {kind}".encode())) == []


@pytest.mark.parametrize("kind", ["abuse", "opt-out"])
def test_reports_of_a_person_are_complaints(kind):
    [bounce] = parse(COMPLAINT.replace(b"Feedback-Type: abuse", f"Feedback-Type: {kind}".encode()))
    assert (bounce.kind, bounce.detail) == ("complaint", f"complaint ({kind})")


def test_a_complaint_may_be_the_mail_itself_under_a_certain_subject():
    message = (
        b"From: staff@example.net\nSubject: complaint about message from 192.0.2.2\n"
        b'Content-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: message/rfc822\n\n'
        b"To: marie@example.com\nMessage-ID: <abc@example.com>\n\ntext\n--b--\n"
    )
    [bounce] = parse(message)
    assert (bounce.kind, bounce.message_id) == ("complaint", "<abc@example.com>")


def test_a_report_may_have_spaces_before_its_colons():
    report = delivery_report().replace(b"Final-Recipient:", b"Final-Recipient :").replace(b"Action:", b"Action :")
    [bounce] = parse(report.replace(b"Status:", b"Status :"))
    assert (bounce.kind, bounce.address) == ("hard", "marie@example.com")


def test_a_report_on_an_internationalised_address_is_read():
    report = delivery_report().replace(b"message/delivery-status", b"message/global-delivery-status")
    report = report.replace(b"text/rfc822-headers", b"message/global-headers")
    [bounce] = parse(report.replace(b"rfc822; marie@", "utf-8; zoé@".encode()))
    assert (bounce.kind, bounce.address, bounce.message_id) == ("hard", "zoé@example.com", "<abc@example.com>")


def test_a_final_recipient_that_cannot_be_read_is_nobody_s_mailbox_but_its_own():
    domain = 100 * "ü"
    [bounce] = parse(delivery_report().replace(b"rfc822; marie@example.com", f"utf-8; marie@{domain}.com".encode()))
    assert bounce.address == f"marie@{domain}.com"


@pytest.mark.parametrize(("encoding", "encode"), [("base64", encodebytes), ("quoted-printable", encodestring)])
def test_a_report_on_an_internationalised_address_may_be_encoded(encoding, encode):
    head, *parts, tail = delivery_report().replace(b"text/rfc822-headers", b"message/global").split(b"--b\n")
    status, returned = parts[-1], tail.removesuffix(b"--b--\n")
    status = status.replace(b"message/delivery-status", b"message/global-delivery-status")
    status = status.replace(b"rfc822; marie@", "utf-8; zoé@".encode())
    report = b"--b\n".join([head, *parts[:-1], *(_encode(part, encoding, encode) for part in (status, returned))])
    [bounce] = parse(report + b"--b--\n")
    assert (bounce.kind, bounce.address, bounce.message_id) == ("hard", "zoé@example.com", "<abc@example.com>")


def _encode(part, encoding, encode):
    headers, _, body = part.partition(b"\n\n")
    return b"%s\nContent-Transfer-Encoding: %s\n\n%s\n" % (headers, encoding.encode(), encode(body))


@pytest.mark.parametrize(
    "header", ["In-Reply-To: <ours@example.com>", "References: <first@example.com> <ours@example.com>"]
)
def test_without_the_returned_mail_the_message_id_is_that_of_the_mail_replied_to(header):
    report = (
        delivery_report()
        .replace(b"Message-ID: <abc@example.com>\n", b"")
        .replace(b"Date:", f"{header}\nDate:".encode())
    )
    assert [bounce.message_id for bounce in parse(report)] == ["<ours@example.com>"]


def test_the_report_may_state_the_message_id_itself():
    report = delivery_report(original="X-Original-Message-ID: <ours@example.com>\n")
    assert [bounce.message_id for bounce in parse(report.replace(b"Message-ID: <abc@example.com>\n", b""))] == [
        "<ours@example.com>"
    ]


def test_without_a_diagnostic_the_text_for_people_decides():
    report = delivery_report(status="5.0.0", diagnostic="").replace(
        b"Sorry.", b"<marie@example.com>: 550 mailbox full\n\n<paul@example.com>: 550 no such user"
    )
    [bounce] = parse(report)
    assert (bounce.kind, bounce.detail) == ("soft", "<marie@example.com>: 550 mailbox full")


def test_the_refused_step_is_read_from_the_text_for_people():
    report = delivery_report(diagnostic="smtp; 550 5.1.1 no such user").replace(
        b"Sorry.", b"<marie@example.com>: host said: 550 5.1.1 no such user (in reply to end of DATA command)"
    )
    assert [bounce.kind for bounce in parse(report)] == ["soft"]


@given(st.binary(max_size=300), st.integers(0, 700))
def test_arbitrary_input_yields_bounces_or_a_refusal(noise, position):
    message = delivery_report()
    damaged = (message[:position] + noise + message[position:], message[:position], COMPLAINT[:position] + noise)
    for report in damaged:
        with contextlib.suppress(WebhookRejected):
            assert all(bounce.kind in ("hard", "soft", "complaint") for bounce in parse(report))
