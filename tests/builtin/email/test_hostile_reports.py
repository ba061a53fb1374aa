"""Messages that are no reports, or are made to cost much: refused or read in bounded time."""

from __future__ import annotations

import contextlib
import time

import pytest

from nps_connect import WebhookRejected
from nps_connect.builtin.email.bounce_reports import nps_read_bounces


def parse(message: bytes):
    return nps_read_bounces(connection=None, message=message)


@pytest.mark.parametrize(
    "message", [b"", b"Subject: hello\n\nI am on holiday", b"\xff\x00", b"Content-Type: multipart/report"]
)
def test_messages_that_are_no_reports_are_refused(message):
    with pytest.raises(WebhookRejected) as caught:
        parse(message)
    assert caught.value.reason == "unreadable"


NESTED = b"Content-Type: message/rfc822\n\n" * 1_000
NESTED_MULTIPART = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(1_000))


@pytest.mark.parametrize("message", [NESTED, NESTED_MULTIPART])
def test_deeply_nested_messages_are_refused_before_they_are_parsed(message):
    with pytest.raises(WebhookRejected, match="more than 40 parts that hold parts"):
        parse(message)


HEADER = b"From: MAILER-DAEMON@mx.example.com\nTo: care@example.com\nSubject: failed\nIn-Reply-To: <a@example.com>\n"
HOSTILE = {
    "headers": HEADER + b"X-A: b\n" * 150_000 + b"\nhello",
    "recipients": b"From: MAILER-DAEMON\nTo: " + b'(<"@, ' * 150_000 + b"\n\nhello",
    "addresses": HEADER + b"\n" + b"a@b.example.com: 550 user\n" * 40_000,
    "tags": HEADER + b"Content-Type: text/html\n\n" + b"<a " * 300_000,
    "styles": HEADER + b"Content-Type: text/html\n\n" + b"<style " * 100_000,
    "words": HEADER + b"\n" + b"user is mailbox exceed the address " * 30_000,
    "dots": HEADER + b"\n" + b"a." * 500_000,
    "groups": b"Content-Type: message/delivery-status\n\n"
    + b"Final-Recipient: x; a@example.com\nAction: failed\n\n" * 20_000,
}


@pytest.mark.parametrize("message", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_reports_take_bounded_time_and_yield_a_bounded_number_of_bounces(message):
    started_at = time.process_time()
    with contextlib.suppress(WebhookRejected):
        assert len(parse(message)) <= 100
    assert time.process_time() - started_at < 10, "seconds of CPU; normally below one"
