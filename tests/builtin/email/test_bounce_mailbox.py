"""Reading the mailbox to which mail comes back: page by page, only reading, and never telling the password."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic import SecretStr, ValidationError
from support.imap_server import ImapMailbox, serve_imap

from nps_connect import AuthFailed, RetryLater
from nps_connect.builtin import email
from nps_connect.builtin.email import bounce_mailbox
from nps_connect.builtin.email.bounce_mailbox import nps_fetch_bounces
from nps_connect.builtin.email.relay import parse_mailbox
from nps_connect.builtin.email.settings import EmailSettings
from nps_connect.testing import connect


@pytest.fixture
def box():
    return ImapMailbox()


@pytest.fixture
def reports(box):
    """A connection whose reports arrive in `box`."""
    server = serve_imap(box)
    url = f"imap://reports:p%40ss@127.0.0.1:{server.server_address[1]}/Reports"
    settings = {
        "smtp_url": "smtp://127.0.0.1:2525",
        "sender": "Exemple SA <care@example.com>",
        "reply_to": "care@example.com",
        "bounces_url": url,
        "timeout": 5,
    }
    yield connect(email, settings)
    server.shutdown()
    server.server_close()


def fetch(reports, cursor=None):
    return nps_fetch_bounces(connection=reports, cursor=cursor)


def test_nps_fetch_bounces_reads_what_came_and_then_only_what_is_new(reports, box):
    box.messages = {3: b"Subject: one\r\n\r\n", 5: b"Subject: two\r\n\r\n"}
    first = fetch(reports)
    assert first.messages == (b"Subject: one\r\n\r\n", b"Subject: two\r\n\r\n")
    assert (first.cursor, first.more) == ("7:5", False)
    assert fetch(reports, first.cursor).messages == ()
    box.messages[9] = b"Subject: three\r\n\r\n"
    assert fetch(reports, first.cursor).messages == (b"Subject: three\r\n\r\n",)


def test_a_full_mailbox_is_read_page_by_page(reports, box, monkeypatch):
    monkeypatch.setattr(bounce_mailbox, "PAGE_SIZE", 2)
    box.messages = {number: b"%d" % number for number in range(1, 6)}
    read, cursor, more = [], None, True
    while more:
        page = fetch(reports, cursor)
        cursor, more = page.cursor, page.more
        read += page.messages
    assert read == [b"1", b"2", b"3", b"4", b"5"]


def test_a_mailbox_that_was_made_anew_is_read_from_its_beginning(reports, box):
    box.messages = {1: b"old"}
    cursor = fetch(reports).cursor
    box.validity, box.messages = 8, {1: b"new"}
    assert fetch(reports, cursor).messages == (b"new",)


def test_the_mailbox_is_only_read(reports, box):
    box.messages = {1: b"a report"}
    fetch(reports)
    assert [one.split(" ")[0] for one in box.said if one != "CAPABILITY"] == [
        "LOGIN",
        "EXAMINE",
        "UID",
        "UID",
        "LOGOUT",
    ]
    assert "BODY.PEEK[]" in box.said[-2]
    assert box.said[-3].startswith("UID SEARCH SINCE ")


def test_a_refused_login_never_repeats_the_password(reports, box):
    box.login = ("reports", "another")
    with pytest.raises(AuthFailed) as caught:
        fetch(reports)
    assert "p@ss" not in str(caught.value)
    assert "bounces_url" in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_mailbox_that_does_not_answer_is_tried_again(reports, box):
    box.messages = {1: b"a report"}
    nobody = SecretStr("imap://reports:p%40ss@127.0.0.1:1/Reports")
    dead = reports.settings.model_copy(update={"bounces_url": nobody})
    with pytest.raises(RetryLater):
        fetch(replace(reports, settings=dead))


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("pop3://user:secret@mail.example.com", "must start with imap"),
        ("imap://user:secret@mail.example.com", "unencrypted"),
        ("imaps://mail.example.com/INBOX", "no user"),
        ("imaps://user:secret@mail.example.com:0/INBOX", "cannot be read"),
        ('imaps://user:secret@mail.example.com/a"b', "folder"),
    ],
)
def test_a_wrong_mailbox_address_is_told_without_its_password(url, told):
    with pytest.raises(ValidationError, match=told) as caught:
        EmailSettings(
            plugin="email",
            smtp_url="smtp://127.0.0.1:2525",
            sender="Exemple SA <care@example.com>",
            reply_to="care@example.com",
            bounces_url=url,
        )
    assert "secret" not in str(caught.value)


def test_a_mailbox_address_names_server_login_and_folder():
    found = parse_mailbox("imaps://user%40example.com:p%2Fw@mail.example.com/Bounces%2F2026")
    assert (found.server.host, found.server.port, found.server.encryption) == ("mail.example.com", 993, "tls")
    assert (found.server.user, found.server.password, found.folder) == ("user@example.com", "p/w", "Bounces/2026")
    assert parse_mailbox("imap://a:b@mail.example.com?starttls=required").server.port == 143
