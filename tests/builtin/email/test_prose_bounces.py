"""Bounces written for people only: who failed, why, and what is no bounce."""

from __future__ import annotations

import pytest

from nps_connect import WebhookRejected
from nps_connect.builtin.email.bounce_reports import nps_read_bounces

COPY = """
--- Below this line is a copy of the message.

Return-Path: <care@example.com>
Message-ID: <ours@example.com>
From: care@example.com
To: marie@example.com
Subject: Une question

Bonjour
"""


def mail(text: str, *, sender="MAILER-DAEMON@mx.example.com", subject="failure notice", headers="", copy=COPY) -> bytes:
    return f"From: {sender}\nTo: care@example.com\nSubject: {subject}\n{headers}\n{text}\n{copy}".encode()


def parse(message: bytes) -> list[tuple[str, str | None, str | None]]:
    bounces = nps_read_bounces(connection=None, message=message)
    return [(bounce.kind, bounce.address, bounce.message_id) for bounce in bounces]


def test_the_recipient_the_reason_and_the_message_id_are_read_from_the_text():
    text = """Hi. This is the qmail-send program at mx.example.com.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<marie@example.com>:
192.0.2.2 does not like recipient.
Remote host said: 550 5.1.1 no such user
Giving up on 192.0.2.2."""
    assert parse(mail(text)) == [("hard", "marie@example.com", "<ours@example.com>")]


def test_each_recipient_has_its_own_reason_in_the_order_of_the_text():
    text = """Hi. This is the qmail-send program at mx.example.com.
I'm afraid I wasn't able to deliver your message to the following addresses.

<paul@example.com>:
Remote host said: 552 5.2.2 mailbox full

<marie@example.com>:
Remote host said: 550 5.1.1 no such user"""
    assert [(kind, address) for kind, address, _ in parse(mail(text))] == [
        ("soft", "paul@example.com"),
        ("hard", "marie@example.com"),
    ]


def test_recipients_in_one_paragraph_are_told_apart_by_the_lines_that_begin_with_them():
    text = "The following addresses failed:\n\nmarie@example.com: 550 no such user\npaul@example.com: 552 mailbox full"
    message = mail(text, headers="X-Failed-Recipients: marie@example.com, paul@example.com\n")
    assert [kind for kind, _, _ in parse(message)] == ["hard", "soft"]


def test_the_recipient_of_the_returned_mail_counts_if_the_text_names_it():
    text = "Nous n'avons pas pu remettre votre message a marie@example.com.\n\nDestinataire inconnu."
    assert parse(mail(text)) == [("hard", "marie@example.com", "<ours@example.com>")]


def test_a_line_that_begins_with_an_address_names_the_recipient_without_a_copy():
    text = "An error has occurred.\n\nmarie@example.com: 550 5.1.1 no such user"
    assert parse(mail(text, copy="")) == [("hard", "marie@example.com", None)]


def test_the_reply_names_the_mail_if_nothing_names_the_recipient():
    message = mail("550 no such user here", headers="In-Reply-To: <ours@example.com>\n", copy="")
    assert parse(message) == [("hard", None, "<ours@example.com>")]


def test_a_warning_of_a_delay_is_soft():
    text = "The following addresses failed:\n\nmarie@example.com: 450 try again later"
    [(kind, address, _)] = parse(mail(text, subject="Warning: message delayed 4 hours"))
    assert (kind, address) == ("soft", "marie@example.com")


def test_a_bounce_in_html_is_read_without_its_styles():
    text = (
        "<html><head><style>p { color: red }</style></head><body><p>Your message to</p>"
        "<div>marie@example.com</div><p>was refused: no such user</p></body></html>"
    )
    message = mail(text, headers="Content-Type: text/html\nIn-Reply-To: <ours@example.com>\n", copy="")
    assert parse(message) == [("hard", "marie@example.com", "<ours@example.com>")]


@pytest.mark.parametrize(
    "message",
    [
        mail("I am on holiday until Monday.", sender="marie@example.com", subject="Out of office", copy=""),
        mail("Thank you, but marie@example.com is my old address.", sender="marie@example.com", subject="Re: Survey"),
        mail("Your mailbox is nearly full.", subject="Quota", copy=""),
    ],
)
def test_what_people_write_is_no_bounce(message):
    with pytest.raises(WebhookRejected, match="neither a bounce nor a complaint"):
        parse(message)
