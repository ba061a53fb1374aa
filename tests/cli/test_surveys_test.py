"""`nps-connect surveys test`: a test mail that is marked as a test."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["preview", "after-purchese"], "did you mean 'after-purchase'"),
        (["preview", "after-purchase", "--language", "de"], "one of fr, en"),
        (["test", "after-purchase"], "Missing option '--to'"),
    ],
)
def test_invalid_arguments_are_reported(configured_cli, arguments, message):
    refused = configured_cli("surveys", *arguments)
    assert refused.code in (1, 2)
    assert message in refused.err


def test_test_mail_is_marked(configured_cli, mailbox):
    result = configured_cli("surveys", "test", "after-purchase", "--to", "me@example.com", SMTP_URL=mailbox.smtp_url)
    assert result.code == 0, result.err
    [mail] = mailbox.mails("me@example.com")
    assert mail.subject.startswith("[Test]")
    assert mail.header("X-NPS-Connect-Test") == "yes"
    assert mail.header("List-Unsubscribe-Post") == "List-Unsubscribe=One-Click"
