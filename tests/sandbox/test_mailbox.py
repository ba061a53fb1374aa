from __future__ import annotations

import smtplib
import sys
import threading
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps_connect.sandbox.faults import FaultPlan, parse_faults
from nps_connect.sandbox.mail import parse_mail
from nps_connect.sandbox.mailbox import MailboxUnavailable, SandboxMailbox


@pytest.fixture
def start():
    started = []

    def start(faults="", **options):
        box = SandboxMailbox(faults=FaultPlan(parse_faults(faults)), **options)
        box.start()
        started.append(box)
        return box

    yield start
    for box in started:
        box.stop()


def survey(to="Ana@example.com"):
    mail = EmailMessage()
    mail["From"] = "Exemple SA <care@example.com>"
    mail["To"] = to
    mail["Subject"] = "Votre avis, en deux secondes – merci"
    mail["List-Unsubscribe"] = "<mailto:care@example.com>, <https://nps.example.com/u/tok>"
    mail.set_content("Répondez : https://nps.example.com/s/tok?score=9\nMerci")
    mail.add_alternative(
        '<p>é <a href="https://nps.example.com/s/tok?score=0&amp;x=1">0</a><a href="mailto:care@example.com">?</a>'
        '<img src="https://nps.example.com/logo.png"></p>',
        subtype="html",
    )
    return mail


def send(box, mail=None, login=None):
    with smtplib.SMTP("127.0.0.1", box.port, timeout=2) as smtp:
        if login:
            smtp.login(*login)
        smtp.send_message(mail or survey(), "care@example.com", ["Ana@example.com"])


def test_a_mail_is_stored_with_its_parts_headers_and_links(start):
    box = start()
    send(box)
    (mail,) = box.mails("ana@EXAMPLE.com")
    assert mail.subject == "Votre avis, en deux secondes – merci"
    assert mail.to == ("Ana@example.com",)
    assert mail.text == "Répondez : https://nps.example.com/s/tok?score=9\nMerci\n"
    assert mail.html.startswith("<p>é <a href=")
    assert mail.header("list-UNSUBSCRIBE") == "<mailto:care@example.com>, <https://nps.example.com/u/tok>"
    assert mail.header("X-None") is None
    assert mail.links == (
        "https://nps.example.com/s/tok?score=0&x=1",
        "https://nps.example.com/logo.png",
        "https://nps.example.com/s/tok?score=9",
        "https://nps.example.com/u/tok",
    )
    assert mail.links_to("https://nps.example.com/u/") == ("https://nps.example.com/u/tok",)
    assert not mail.authenticated
    assert box.mails("bob@example.com") == []


def test_wait_until_returns_whether_the_mail_arrived_in_time(start):
    box = start()
    sender = threading.Thread(target=send, args=(box,))
    sender.start()
    assert box.wait_until(lambda mails: len(mails) == 1, seconds=5)
    sender.join()
    assert not box.wait_until(lambda mails: len(mails) == 2, seconds=0.05)


def test_with_username_and_password_a_valid_login_is_required(start):
    box = start(username="shop", password="open-sesame")
    assert box.smtp_url == f"smtp://shop:open-sesame@127.0.0.1:{box.port}"
    with pytest.raises(smtplib.SMTPSenderRefused) as rejection:
        send(box)
    assert rejection.value.smtp_code == 530
    with pytest.raises(smtplib.SMTPAuthenticationError):
        send(box, login=("shop", "wrong"))
    send(box, login=("shop", "open-sesame"))
    assert [mail.authenticated for mail in box.mails()] == [True]


def test_a_status_fault_is_a_transient_rejection_that_stores_nothing(start):
    box = start("500=1")
    with pytest.raises(smtplib.SMTPDataError) as rejection:
        send(box)
    assert rejection.value.smtp_code == 451
    assert box.mails() == []


@pytest.mark.parametrize(
    ("faults", "stored_count"),
    [
        ("reset-before=1", 0),
        ("reset-after=1", 1),
        ("timeout-before=1", 0),
        ("timeout-after=1", 1),
        ("malformed-before=1", 0),
        ("malformed-after=1", 1),
    ],
)
def test_when_the_reply_is_lost_the_mail_is_stored_only_if_the_fault_occurs_after(start, faults, stored_count):
    box = start(faults, stall_seconds=0.2)
    with pytest.raises((smtplib.SMTPException, OSError)):
        send(box)
    assert len(box.mails()) == stored_count


def test_stop_frees_the_port_even_with_an_open_connection(start):
    box = start()
    connection = smtplib.SMTP("127.0.0.1", box.port, timeout=2)
    box.stop()
    with pytest.raises(OSError):
        smtplib.SMTP("127.0.0.1", box.port, timeout=2)
    connection.close()


def test_a_port_in_use_raises(start):
    with pytest.raises(OSError, match="in use"):
        start(port=start().port)


def test_without_aiosmtpd_the_error_contains_the_install_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "aiosmtpd.smtp", None)
    with pytest.raises(MailboxUnavailable, match=r"pip install 'nps-connect\[sandbox\]'"):
        SandboxMailbox()


@given(st.binary(max_size=300), st.sampled_from([b"", b"Subject: ", b"Content-Type: text/html; charset=", b"To: <"]))
def test_any_bytes_parse_as_a_mail(content, header_start):
    mail = parse_mail(header_start + content, number=1, sender="", to=(), received_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert all(link.startswith("http") for link in mail.links)
    assert mail.as_json()["number"] == 1
