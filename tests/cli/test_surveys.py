"""`surveys preview`, `surveys test`, `doctor mail`, `bounces` and `responses show`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from support.imap_server import ImapMailbox, serve_imap

from nps_connect.cli.doctor.mail import arrival_progress
from nps_connect.cli.responses.list import unconfirmed_hint
from nps_connect.sandbox.mailbox import SandboxMailbox

BOUNCE = b"""From: MAILER-DAEMON@mx.example.com
To: care@example.com
Date: Fri, 20 Nov 2026 10:00:00 +0000
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.com

Final-Recipient: rfc822; marie@example.com
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 no such user

--b--
"""


@pytest.fixture
def mailbox():
    box = SandboxMailbox()
    box.start()
    yield box
    box.stop()


def test_preview_uses_the_requested_language(configured_cli):
    result = configured_cli("surveys", "preview", "after-purchase", "--language", "en", "--folder", "out")
    assert result.code == 0, result.err
    html = (configured_cli.folder / "out" / "after-purchase-en.html").read_text(encoding="utf-8")
    assert "This is a test." in html
    assert len(re.findall(r'href="[^"]*/s/[^"]*score=\d+"', html)) == 11
    assert "Subject: [Test]" in (configured_cli.folder / "out" / "after-purchase-en.txt").read_text(encoding="utf-8")
    assert not (configured_cli.folder / "nps-connect.db").exists()


def test_preview_embeds_the_logo(configured_cli):
    png = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + (200).to_bytes(4, "big") + (80).to_bytes(4, "big") + b"\0" * 20
    (configured_cli.folder / "logo.png").write_bytes(png)
    environ = {"NPS_CONNECT_CORE__LOGO": "logo.png", "NPS_CONNECT_CORE__COLOUR": "#aa0033"}
    assert configured_cli("surveys", "preview", "after-purchase", **environ).code == 0
    html = (configured_cli.folder / "after-purchase-fr.html").read_text(encoding="utf-8")
    assert '<img src="data:image/png;base64,' in html
    assert 'width="100" height="40" alt="Exemple SA"' in html
    assert "#aa0033" in html


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        (b"<svg/>", "neither PNG, JPEG nor GIF"),
        (b"GIF8" + b"\0" * 30_000, "larger than 8 KB"),
    ],
)
def test_invalid_logo_is_rejected(configured_cli, content, message):
    if content is not None:
        (configured_cli.folder / "logo").write_bytes(content)
    refused = configured_cli("config", "check", NPS_CONNECT_CORE__LOGO="logo")
    assert refused.code == 2
    assert "core.logo" in refused.err
    assert message in refused.err


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
    assert "FAIL dkim is not aligned" in checked.out
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
    findings = {finding["what"]: finding for finding in json.loads(checked.out)}
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


def test_bounce_is_processed_once_and_shown(seeded_cli):
    (seeded_cli.folder / "bounce.eml").write_bytes(BOUNCE)
    result = seeded_cli("bounces", "read", "bounce.eml")
    assert result.code == 0, result.err
    assert "1 new bounce" in result.out
    assert "0 new bounces" in seeded_cli("bounces", "read", "bounce.eml").out
    shown = seeded_cli("contacts", "show", "marie@example.com").out
    assert "mailbox: bounced (bounce (file))" in shown
    assert "hard 5.1.1 (file) smtp; 550 5.1.1 no such user" in shown


def test_mbox_with_several_messages(seeded_cli):
    message = BOUNCE.replace(b"marie", b"paul")
    (seeded_cli.folder / "all.mbox").write_bytes(
        b"From x Fri Nov 20 10:00:00 2026\n" + BOUNCE + b"\nFrom x Fri Nov 20 10:00:00 2026\n" + message
        + b"\nFrom x Fri Nov 20 10:00:00 2026\nSubject: hello\n\nno report\n"
    )  # fmt: skip
    assert '"new": 2' in seeded_cli("bounces", "read", "all.mbox", "--json").out
    assert '"passed_over": 1' in seeded_cli("bounces", "read", "all.mbox", "--json").out


def test_bounce_url_is_printed(configured_cli):
    result = configured_cli("bounces", "address", "mail")
    assert result.out.startswith("https://nps.example.com/b/")
    assert configured_cli("bounces", "address", "nothing").code == 1


def test_response_is_shown_with_page_views_and_bot_signals(seeded_cli):
    [anne_line] = [
        line for line in seeded_cli("responses", "list", "--provisional").out.splitlines() if "crm:4" in line
    ]
    assert "suspected bot: opened within seconds" in anne_line
    [provisional] = json.loads(seeded_cli("responses", "list", "--provisional", "--json").out)
    shown = seeded_cli("responses", "show", provisional["id"]).out
    assert "GET survey score 0" in shown
    assert "[opened within seconds of the mail's delivery]" in shown
    assert "scale" in shown
    assert seeded_cli("responses", "show", "r-nothing").code == 1


def test_detractor_without_bot_signals_needs_attention_after_a_day():
    opened_at = datetime(2026, 11, 17, 9, tzinfo=UTC)
    row = {"segment": "detractor", "signs": [], "answered_at": opened_at}
    assert unconfirmed_hint(row, opened_at + timedelta(hours=23)) is None
    assert "needs attention" in unconfirmed_hint(row, opened_at + timedelta(hours=24))
    assert unconfirmed_hint({**row, "segment": "promoter"}, opened_at + timedelta(days=3)) is None
    assert "suspected bot" in unconfirmed_hint({**row, "signs": ["head"]}, opened_at + timedelta(days=3))
