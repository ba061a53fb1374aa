"""`nps-connect doctor mail`: send a test mail and check its authentication results."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta

from support.imap_server import ImapMailbox, serve_imap

from nps_connect.cli.doctor.mail import arrival_progress


def test_doctor_sends_a_mail_and_checks_the_received_copy(configured_cli, mailbox):
    sent = configured_cli("doctor", "mail", "me@example.com", SMTP_URL=mailbox.smtp_url)
    assert sent.code == 0, sent.err
    assert len(mailbox.mails()) == 1
    copy = configured_cli.folder / "copy.eml"
    copy.write_text(
        "Authentication-Results: mx.example.net; spf=pass smtp.mailfrom=example.com; dkim=none; dmarc=pass\n"
        "From: care@example.com\nSubject: x\n\n",
        encoding="utf-8",
    )
    checked = configured_cli("doctor", "mail", "--copy", str(copy))
    assert checked.code == 1
    assert "spf passes for example.com" in checked.out
    assert "FAIL the mail has no dkim signature of example.com" in checked.out
    assert "without list-unsubscribe" in checked.out
    assert configured_cli("doctor", "mail").code == 2


class ReceivedMails(Mapping):
    """The mails accepted by the SMTP server as an IMAP mailbox, with the Authentication-Results of the receiver."""

    def __init__(self, mailbox):
        self.mailbox = mailbox

    def __getitem__(self, number):
        mail = self.mailbox.mails()[number - 1]
        results = "mx.example.net; spf=pass smtp.mailfrom=bounces.example.com; dkim=none; dmarc=pass"
        headers = [("Authentication-Results", results), *((name, value) for name, value in mail.headers)]
        return "".join(f"{name}: {value}\r\n" for name, value in headers).encode() + b"\r\n"

    def __iter__(self):
        return iter(range(1, len(self) + 1))

    def __len__(self):
        return len(self.mailbox.mails())


def test_doctor_checks_the_mail_received_in_the_bounce_mailbox(configured_cli, mailbox):
    box = ImapMailbox()
    box.messages = ReceivedMails(mailbox)
    server = serve_imap(box)
    url = f"imap://reports:p%40ss@127.0.0.1:{server.server_address[1]}/INBOX"
    checked = configured_cli(
        *("doctor", "mail", "reports@example.com", "--json"),
        SMTP_URL=mailbox.smtp_url,
        NPS_CONNECT_CONNECTIONS__MAIL__BOUNCES_URL=url,
    )
    server.shutdown()
    server.server_close()
    findings = {finding["what"]: finding for finding in json.loads(checked.out)["items"]}
    assert findings["spf"]["text"] == "spf passes for bounces.example.com, which is aligned with example.com"
    assert not findings["dkim"]["ok"]
    assert checked.code == 1
    assert checked.err == "", "the mail was there at the first poll"


def test_doctor_prints_waiting_instructions_once(capsys):
    with arrival_progress(as_json=True) as on_wait:
        on_wait(timedelta())
        instructions = capsys.readouterr().err
        on_wait(timedelta(seconds=3))
    assert "up to one minute for it to arrive in the mailbox configured as bounces_url" in instructions
    assert "press Ctrl+C" in instructions
    assert "nps-connect doctor mail --copy -" in instructions
    assert capsys.readouterr().err == "", "only once"
