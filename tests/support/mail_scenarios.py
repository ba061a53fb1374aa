"""What happens to survey mails at real mail servers; each scenario has a `MailApplication` of its own.

The first line of a scenario's docstring is its title in the report, and what it returns is the result.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from email import message_from_bytes

from sqlalchemy import select
from support.mail_application import REPORT_TIMEOUT_SECONDS, MailApplication
from support.mail_servers import CARE, wait_for

from nps_connect import Connection
from nps_connect.app.actions import ACTIONS
from nps_connect.builtin import email
from nps_connect.builtin.email import nps_check
from nps_connect.ledger.audit_log import Actor
from nps_connect.ledger.suppressions import BounceRow
from nps_connect.services.deliveries.operator_actions import retry_by_operator
from nps_connect.services.suppressions.bounce_brake import undo_brake
from nps_connect.testing import connect

KNOWN = [f"person-{number}@known.example.com" for number in range(1, 9)]
SHOP = [f"person-{number}@shop.example.com" for number in range(1, 11)]
MAILBOXES = [*KNOWN, *SHOP, "marie@shop.example.com", "full@shop.example.com", "zoé@shop.example.com"]
OPERATOR = Actor("cli", "ops")


def arrives(application: MailApplication) -> str:
    """Mail to a mailbox that exists, by STARTTLS and login: it arrives, with its headers."""
    application.survey(KNOWN[0])
    wait_for(lambda: bool(application.servers.mails(KNOWN[0])), "the mail did not arrive")
    mail = message_from_bytes(application.servers.mails(KNOWN[0])[-1])
    [delivery] = application.deliveries("send_survey")
    assert (delivery.state, mail["Message-ID"]) == ("succeeded", delivery.receipt_id)
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "/u/" in mail["List-Unsubscribe"]
    [hop] = re.findall(r"with (ESMTP\w*) id", mail.get_all("Received")[-1])
    assert hop == "ESMTPSA"
    return "`Message-ID` is the receipt, `List-Unsubscribe` is there; the first hop is `ESMTPSA`"


def refused_in_the_session(application: MailApplication) -> str:
    """Mail to an unknown user whom the relay refuses: a hard bounce."""
    application.survey("gone@known.example.com")
    assert application.states() == {"dead"}
    assert application.bounces() == [("hard", "smtp", True)]
    assert application.suppressed() == [None]
    return application.said()


def bounces_later(application: MailApplication) -> str:
    """Mail to an unknown user whom the next server refuses: the report is read by IMAP, a hard bounce."""
    application.survey("gone@shop.example.com")
    assert application.states() == {"succeeded"}
    application.read_reports()
    assert application.bounces() == [("hard", "mailbox", True)]
    assert application.suppressed() == [None]
    return application.said()


def is_delayed(application: MailApplication) -> str:
    """Mail to a server that is down: the warning of the delay and the final report are one soft bounce."""
    application.survey("marie@slow.example.com")
    application.read_reports()
    wait_for(lambda: "status=expired" in application.servers.log(), "the mail did not expire", REPORT_TIMEOUT_SECONDS)
    wait_for(lambda: len(application.servers.mails(CARE)) >= 2, "no final report", REPORT_TIMEOUT_SECONDS)
    application.read_reports()
    assert application.bounces() == [("soft", "mailbox", True)]
    assert application.suppressed() == []
    return application.said()


def is_full(application: MailApplication) -> str:
    """Mail to a full mailbox (Dovecot's quota): a soft bounce."""
    application.survey("full@shop.example.com")
    application.read_reports()
    assert application.bounces() == [("soft", "mailbox", True)]
    assert application.suppressed() == []
    return application.said()


def alias_with_a_dead_member(application: MailApplication) -> str:
    """Mail to an alias of two mailboxes, one of which is gone: the alias is not suppressed."""
    application.survey("team@shop.example.com")
    application.read_reports()
    assert application.bounces() == [("hard", "mailbox", False)]
    assert application.suppressed() == []
    assert application.servers.mails("marie@shop.example.com")
    return application.said()


def no_relay(application: MailApplication) -> str:
    """A relay that does not relay for us, because there is no login: the action is held, nobody is suppressed."""
    application.survey("marie@shop.example.com", "paul@shop.example.com")
    application.clock.forward("1h")
    application.run()
    assert "queue:mail/send_survey" in application.paused(), "the periodic check does not resume it"
    assert (application.bounces(), application.suppressed()) == ([], [])
    [error] = [text for severity, text in _check(application) if severity == "error"]
    assert "refused the recipient" in error
    return application.said()


def no_relay_temporarily(application: MailApplication) -> str:
    """The same with Postfix's default, which is a temporary refusal."""
    application.servers.configure_relay(unauthenticated="defer_unauth_destination")
    try:
        return no_relay(application)
    finally:
        application.servers.configure_relay()


def empty_list_of_recipients(application: MailApplication) -> str:
    """A relay whose list of recipients is empty for seconds: held; after `bounces undo` and a retry all mails arrive."""
    before = {address: len(application.servers.mails(address)) for address in KNOWN}
    application.servers.set_recipients([])
    try:
        application.survey(*KNOWN)
    finally:
        application.servers.set_recipients(KNOWN)
    assert application.paused() == ["queue:mail/send_survey"]
    refused = len(application.suppressed())
    assert application.suppressed() == ["mail"] * refused
    assert refused < len(KNOWN)
    _undo_and_retry(application)
    wait_for(
        lambda: all(len(application.servers.mails(address)) == before[address] + 1 for address in KNOWN),
        "not every mail arrived once",
    )
    return f"held after {refused} of {len(KNOWN)} recipients; all {len(KNOWN)} mails arrived once"


def last_server_that_forgot_recipients(application: MailApplication) -> str:
    """A last server that knows one mailbox for seconds: ten reports hold the action; after `bounces undo` all mails arrive."""
    application.servers.configure_last_server(["marie@shop.example.com"])
    try:
        application.survey(*SHOP)
        application.read_reports(len(SHOP))
    finally:
        application.servers.configure_last_server(MAILBOXES)
    assert application.paused() == ["queue:mail/send_survey"]
    assert application.suppressed() == ["mail"] * len(SHOP)
    _undo_and_retry(application)
    wait_for(
        lambda: all(len(application.servers.mails(address)) == 1 for address in SHOP), "not every mail arrived once"
    )
    return f"{len(SHOP)} mails came back; all {len(SHOP)} arrived once at the second try"


def damaged_list_of_recipients(application: MailApplication) -> str:
    """A relay that cannot read its list of recipients: all mails wait, and arrive when it can."""
    before = len(application.servers.mails(KNOWN[1]))
    application.servers.break_recipients()
    try:
        application.survey(*KNOWN)
        assert application.states() == {"pending"}
        assert (application.bounces(), application.suppressed()) == ([], [])
        said = application.said()
    finally:
        application.servers.set_recipients(KNOWN)
        application.servers.configure_relay()  # reloads it: its processes keep the damaged file
    for _ in range(12):  # the circuit breaker tries one mail first
        application.clock.forward("5m")
        application.run()
    assert application.states() == {"succeeded"}
    wait_for(lambda: len(application.servers.mails(KNOWN[1])) == before + 1, "the mail did not arrive")
    return said


def is_greylisted(application: MailApplication) -> str:
    """A temporary refusal (greylisting): accepted at the next try, no bounce."""
    application.servers.set_refusals({KNOWN[2]: "450 4.2.0 Greylisted, please try again in 60 seconds"})
    try:
        application.survey(KNOWN[2])
        assert application.states() == {"pending"}
        said = application.said()
    finally:
        application.servers.set_refusals({})
    application.clock.forward("5m")
    application.run()
    assert application.states() == {"succeeded"}
    assert application.bounces() == []
    return said


def is_too_large(application: MailApplication) -> str:
    """A relay that takes small messages only: a soft bounce that does not count against the mailbox."""
    application.servers.configure_relay(size_limit=2_000)
    try:
        application.survey(KNOWN[3])
    finally:
        application.servers.configure_relay()
    assert application.states() == {"dead"}
    assert application.bounces() == [("soft", "smtp", True)]
    assert application.suppressed() == []
    with application.ledger.read() as session:
        assert session.execute(select(BounceRow.concerns_mailbox)).scalars().all() == [False]
    return application.said()


def has_a_letter_that_is_not_ascii(application: MailApplication) -> str:
    """Mail to `zoé@...` (SMTPUTF8), which Dovecot's LMTP does not support, and neither the report of it: no bounce."""
    application.survey("zoé@shop.example.com")
    assert application.states() == {"succeeded"}
    refused = "SMTPUTF8 is required, but was not offered"
    wait_for(lambda: application.servers.log("mx").count(refused) == 2, "no report was tried", REPORT_TIMEOUT_SECONDS)
    assert application.bounces() == []
    return f"the log of the last server: `{refused}`, for the mail and for its report"


def connection_checks(application: MailApplication) -> str:
    """`connections check` with wrong passwords, a missing folder and one with letters that are not ASCII."""
    servers = application.servers
    servers.create_folder("Retours été", b"Subject: in a folder\r\n\r\nhello\r\n")
    utf8_folder = _connect(servers.smtp_url, servers.imap_url("Retours été"))
    for connection in (_connect(servers.smtp_url, servers.imap_url()), utf8_folder):
        assert [finding.severity for finding in nps_check(connection=connection)] == ["ok", "ok"]
    page = email.nps_fetch_bounces(connection=utf8_folder, cursor=None)
    assert [message_from_bytes(mail)["Subject"] for mail in page.messages] == ["in a folder"]
    wrong_smtp_url = servers.smtp_url.replace("%40ss", "wrong")
    errors = []
    for smtp_url, imap_url, text in (
        (servers.smtp_url, servers.imap_url("Nowhere"), "no folder Nowhere"),
        (servers.smtp_url, servers.imap_url(password="wrong"), "the report mailbox refused the login"),
        (wrong_smtp_url, servers.imap_url(), "the mail server refused the login"),
    ):
        findings = nps_check(connection=_connect(smtp_url, imap_url))
        [error] = [finding.text for finding in findings if finding.severity == "error"]
        assert text in error
        assert "wrong" not in error
        errors.append(error)
    return "; ".join(errors)


def _check(application: MailApplication) -> list[tuple[str, str]]:
    findings = nps_check(connection=application.ctx.connections["mail"])
    return [(finding.severity, finding.text) for finding in findings]


def _connect(smtp_url: str, bounces_url: str) -> Connection:
    sender = {"sender": f"Exemple SA <{CARE}>", "reply_to": CARE}
    return connect(email, {"smtp_url": smtp_url, "bounces_url": bounces_url, **sender})


def _undo_and_retry(application: MailApplication) -> None:
    with application.ledger.write() as session:
        undo_brake(application.ctx, session, "mail", OPERATOR)
    application.clock.forward("1m")
    with application.ledger.write() as session:
        rows = [session.merge(row) for row in application.deliveries("send_survey") if row.state == "dead"]
        settings, now = application.ctx.settings, application.clock()
        refused = [retry_by_operator(session, row, actions=ACTIONS, settings=settings, now=now).refused for row in rows]
    assert set(refused) == {None}
    application.run()
    assert application.suppressed() == []


Scenario = Callable[[MailApplication], str]
SCENARIOS: tuple[Scenario, ...] = (
    arrives,
    refused_in_the_session,
    bounces_later,
    is_delayed,
    is_full,
    alias_with_a_dead_member,
    no_relay,
    no_relay_temporarily,
    empty_list_of_recipients,
    last_server_that_forgot_recipients,
    damaged_list_of_recipients,
    is_greylisted,
    is_too_large,
    has_a_letter_that_is_not_ascii,
    connection_checks,
)
WITHOUT_LOGIN = {no_relay, no_relay_temporarily}
