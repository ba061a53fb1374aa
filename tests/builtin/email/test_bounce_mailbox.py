"""Reading the bounce mailbox over IMAP: page by page, read-only, without ever repeating the password."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
from pydantic import SecretStr, ValidationError
from support.imap_server import ImapMailbox, serve_imap

from nps_connect import AuthFailed, RetryLater
from nps_connect.builtin import email
from nps_connect.builtin.email import bounce_mailbox, nps_check
from nps_connect.builtin.email.bounce_mailbox import nps_fetch_bounces
from nps_connect.builtin.email.relay import parse_mailbox
from nps_connect.builtin.email.settings import EmailSettings
from nps_connect.testing import connect


@pytest.fixture
def mailbox():
    return ImapMailbox()


@pytest.fixture
def connection(mailbox):
    """A connection whose bounce mailbox is `mailbox`."""
    server = serve_imap(mailbox)
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


def fetch(connection, cursor=None):
    return nps_fetch_bounces(connection=connection, cursor=cursor)


def test_nps_fetch_bounces_returns_all_messages_and_then_only_new_ones(connection, mailbox):
    mailbox.messages = {3: b"Subject: one\r\n\r\n", 5: b"Subject: two\r\n\r\n"}
    first = fetch(connection)
    assert first.messages == (b"Subject: one\r\n\r\n", b"Subject: two\r\n\r\n")
    assert (first.cursor, first.more) == ("7:5", False)
    assert fetch(connection, first.cursor).messages == ()
    mailbox.messages[9] = b"Subject: three\r\n\r\n"
    assert fetch(connection, first.cursor).messages == (b"Subject: three\r\n\r\n",)


def test_a_large_mailbox_is_read_page_by_page(connection, mailbox, monkeypatch):
    monkeypatch.setattr(bounce_mailbox, "PAGE_SIZE", 2)
    mailbox.messages = {number: b"%d" % number for number in range(1, 6)}
    messages, cursor, more = [], None, True
    while more:
        page = fetch(connection, cursor)
        cursor, more = page.cursor, page.more
        messages += page.messages
    assert messages == [b"1", b"2", b"3", b"4", b"5"]


def test_a_new_uidvalidity_restarts_from_the_beginning(connection, mailbox):
    mailbox.messages = {1: b"old"}
    cursor = fetch(connection).cursor
    mailbox.validity, mailbox.messages = 8, {1: b"new"}
    assert fetch(connection, cursor).messages == (b"new",)


def test_an_empty_mailbox_has_a_cursor_that_later_messages_follow(connection, mailbox):
    page = fetch(connection)
    assert (page.messages, page.cursor, page.more) == ((), "7:0", False)
    mailbox.messages = {1: b"a report"}
    assert fetch(connection, page.cursor).messages == (b"a report",)
    assert "UID SEARCH UID 1:*" in mailbox.commands


def test_a_message_deleted_after_the_search_is_passed_over(connection, mailbox):
    mailbox.messages, mailbox.vanished = {1: b"a report", 3: b"another"}, {2}
    page = fetch(connection)
    assert (page.messages, page.cursor) == ((b"a report", b"another"), "7:3")


def test_the_mailbox_is_opened_read_only_and_flags_nothing(connection, mailbox):
    mailbox.messages = {1: b"a report"}
    fetch(connection)
    assert [command.split(" ")[0] for command in mailbox.commands if command != "CAPABILITY"] == [
        "LOGIN",
        "EXAMINE",
        "UID",
        "UID",
        "LOGOUT",
    ]
    assert "BODY.PEEK[]" in mailbox.commands[-2]
    assert mailbox.commands[-3].startswith("UID SEARCH SINCE ")


def test_a_refused_login_never_repeats_the_password(connection, mailbox, caplog):
    caplog.set_level(logging.DEBUG)
    mailbox.login = ("reports", "another")
    with pytest.raises(AuthFailed) as caught:
        fetch(connection)
    assert "p@ss" not in str(caught.value)
    assert "bounces_url" in str(caught.value)
    assert caught.value.__suppress_context__
    assert "p@ss" not in caplog.text


def test_the_contents_of_the_mailbox_are_not_logged(connection, mailbox, caplog):
    caplog.set_level(logging.DEBUG)
    mailbox.messages = {1: b"Subject: private\r\n\r\n"}
    assert len(fetch(connection).messages) == 1
    assert "private" not in caplog.text


def test_an_unreachable_mailbox_is_retried(connection, mailbox):
    mailbox.messages = {1: b"a report"}
    unreachable = SecretStr("imap://reports:p%40ss@127.0.0.1:1/Reports")
    settings = connection.settings.model_copy(update={"bounces_url": unreachable})
    with pytest.raises(RetryLater):
        fetch(replace(connection, settings=settings))


def test_a_connection_lost_during_the_login_is_retried(connection, mailbox):
    mailbox.login = None
    with pytest.raises(RetryLater):
        fetch(connection)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("pop3://user:secret@mail.example.com", "must start with imap"),
        ("imap://user:secret@mail.example.com", "unencrypted"),
        ("imaps://mail.example.com/INBOX", "no user"),
        ("imaps://user:secret@mail.example.com:0/INBOX", "cannot be read"),
        ('imaps://user:secret@mail.example.com/a"b', "folder"),
        ("imap://user:secret@mail.example.com/INBOX?starttls=yes", r"end it with \?starttls=required"),
        ("imap://user:secret@mail.example.com?STARTTLS", r"end it with \?starttls=required"),
    ],
)
def test_an_invalid_mailbox_url_is_reported_without_its_password(url, problem):
    with pytest.raises(ValidationError, match=problem) as caught:
        EmailSettings(
            plugin="email",
            smtp_url="smtp://127.0.0.1:2525",
            sender="Exemple SA <care@example.com>",
            reply_to="care@example.com",
            bounces_url=url,
        )
    assert "secret" not in str(caught.value)


def test_a_mailbox_url_holds_server_login_and_folder():
    mailbox = parse_mailbox("imaps://user%40example.com:p%2Fw@mail.example.com/Bounces%2F2026")
    assert (mailbox.server.host, mailbox.server.port, mailbox.server.encryption) == ("mail.example.com", 993, "tls")
    assert (mailbox.server.user, mailbox.server.password, mailbox.folder) == ("user@example.com", "p/w", "Bounces/2026")
    assert parse_mailbox("imap://a:b@mail.example.com?starttls=required").server.port == 143
    assert parse_mailbox("imaps://a:b@mail.example.com/Retours%20%C3%A9chou%C3%A9s").folder == "Retours échoués"
    assert parse_mailbox("imaps://a:b@mail.example.com/Échecs").folder == "Échecs"


def check(connection, url=None, **settings):
    """The findings of the check about the mailbox."""
    values = {**settings, **({"bounces_url": SecretStr(url)} if url else {})}
    changed = replace(connection, settings=connection.settings.model_copy(update=values))
    return nps_check(connection=changed)[1:]


def test_the_check_logs_in_and_opens_the_folder(connection, mailbox):
    [finding] = check(connection)
    assert (finding.severity, "opens folder Reports" in finding.text) == ("ok", True)
    assert not any("SEARCH" in command or "FETCH" in command for command in mailbox.commands)
    assert check(connection, bounces_url=None) == []


def test_the_check_tells_a_wrong_login_a_missing_folder_and_an_unreachable_server_apart(
    connection, mailbox, unused_port
):
    mailbox.login = ("reports", "another")
    [finding] = check(connection)
    assert (finding.severity, "refused the login" in finding.text) == ("error", True)
    mailbox.login = ("reports", "p@ss")
    mailbox.folders = {"INBOX"}
    [finding] = check(connection)
    assert "has no folder Reports" in finding.text
    with pytest.raises(RetryLater, match="has no folder Reports"):
        fetch(connection)
    [finding] = check(connection, f"imap://reports:p%40ss@127.0.0.1:{unused_port}/Reports")
    assert "cannot be read (ConnectionRefusedError)" in finding.text


def test_a_folder_in_utf_8_is_opened_under_its_encoded_name(connection, mailbox):
    mailbox.folders = {"&AMk-checs"}
    url = connection.settings.bounces_url.get_secret_value().replace("Reports", "Échecs")
    [finding] = check(connection, url)
    assert "opens folder Échecs" in finding.text
