"""Survey mails before customers see them: written to a file, sent as a test; and what mail servers report."""

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


def test_a_preview_is_written_in_the_language_asked_for(configured):
    told = configured("surveys", "preview", "after-purchase", "--language", "en", "--folder", "out")
    assert told.code == 0, told.err
    html = (configured.folder / "out" / "after-purchase-en.html").read_text(encoding="utf-8")
    assert "This is a test." in html
    assert len(re.findall(r'href="[^"]*/s/[^"]*score=\d+"', html)) == 11
    assert "Subject: [Test]" in (configured.folder / "out" / "after-purchase-en.txt").read_text(encoding="utf-8")
    assert not (configured.folder / "nps-connect.db").exists()


def test_a_logo_travels_in_the_mail_and_is_shown_in_the_preview(configured):
    png = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + (200).to_bytes(4, "big") + (80).to_bytes(4, "big") + b"\0" * 20
    (configured.folder / "logo.png").write_bytes(png)
    environ = {"NPS_CONNECT_CORE__LOGO": "logo.png", "NPS_CONNECT_CORE__COLOUR": "#aa0033"}
    assert configured("surveys", "preview", "after-purchase", **environ).code == 0
    html = (configured.folder / "after-purchase-fr.html").read_text(encoding="utf-8")
    assert '<img src="data:image/png;base64,' in html
    assert 'width="100" height="40" alt="Exemple SA"' in html
    assert "#aa0033" in html


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "cannot be read"),
        (b"<svg/>", "neither PNG, JPEG nor GIF"),
        (b"GIF8" + b"\0" * 30_000, "larger than 8 KB"),
    ],
)
def test_a_logo_that_no_mail_can_carry_is_refused(configured, content, told):
    if content is not None:
        (configured.folder / "logo").write_bytes(content)
    refused = configured("config", "check", NPS_CONNECT_CORE__LOGO="logo")
    assert refused.code == 2
    assert "core.logo" in refused.err
    assert told in refused.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["preview", "after-purchese"], "did you mean 'after-purchase'"),
        (["preview", "after-purchase", "--language", "de"], "one of fr, en"),
        (["test", "after-purchase"], "Missing option '--to'"),
    ],
)
def test_what_cannot_be_shown_or_sent_is_told(configured, arguments, told):
    refused = configured("surveys", *arguments)
    assert refused.code in (1, 2)
    assert told in refused.err


def test_a_test_is_sent_marked_as_one(configured, mailbox):
    told = configured(
        "surveys", "test", "after-purchase", "--to", "me@example.com", SMTP_URL=mailbox.smtp_url
    )
    assert told.code == 0, told.err
    [mail] = mailbox.mails("me@example.com")
    assert mail.subject.startswith("[Test]")
    assert mail.header("X-NPS-Connect-Test") == "yes"
    assert mail.header("List-Unsubscribe-Post") == "List-Unsubscribe=One-Click"


def test_doctor_sends_a_mail_and_judges_its_copy(configured, mailbox):
    sent = configured("doctor", "mail", "me@example.com", SMTP_URL=mailbox.smtp_url)
    assert sent.code == 0, sent.err
    assert len(mailbox.mails()) == 1
    copy = configured.folder / "copy.eml"
    copy.write_text(
        "Authentication-Results: mx.example.net; spf=pass smtp.mailfrom=example.com; dkim=none; dmarc=pass\n"
        "From: care@example.com\nSubject: x\n\n",
        encoding="utf-8",
    )
    judged = configured("doctor", "mail", "--copy", str(copy))
    assert judged.code == 1
    assert "spf passes for example.com" in judged.out
    assert "WRONG dkim is not aligned" in judged.out
    assert "without list-unsubscribe" in judged.out
    assert configured("doctor", "mail").code == 2


class Arrived(Mapping):
    """What the mail server took has arrived in the mailbox of reports, with the receiving server's judgement on top."""

    def __init__(self, mailbox):
        self.mailbox = mailbox

    def __getitem__(self, number):
        mail = self.mailbox.mails()[number - 1]
        judged = "mx.example.net; spf=pass smtp.mailfrom=bounces.example.com; dkim=none; dmarc=pass"
        headers = [("Authentication-Results", judged), *((name, value) for name, value in mail.headers)]
        return "".join(f"{name}: {value}\r\n" for name, value in headers).encode() + b"\r\n"

    def __iter__(self):
        return iter(range(1, len(self) + 1))

    def __len__(self):
        return len(self.mailbox.mails())


def test_doctor_reads_back_what_arrived_where_mail_comes_back_to(configured, mailbox):
    box = ImapMailbox()
    box.messages = Arrived(mailbox)
    server = serve_imap(box)
    url = f"imap://reports:p%40ss@127.0.0.1:{server.server_address[1]}/INBOX"
    judged = configured(
        *("doctor", "mail", "reports@example.com", "--json"),
        SMTP_URL=mailbox.smtp_url,
        NPS_CONNECT_CONNECTIONS__MAIL__BOUNCES_URL=url,
    )
    server.shutdown()
    server.server_close()
    findings = {finding["what"]: finding for finding in json.loads(judged.out)}
    assert findings["spf"]["text"] == "spf passes for bounces.example.com, which is aligned with example.com"
    assert not findings["dkim"]["ok"]
    assert judged.code == 1
    assert judged.err == "", "it had arrived at the first look"


def test_doctor_says_at_once_what_it_waits_for_and_what_to_do_otherwise(capsys):
    with arrival_progress(as_json=True) as waiting:
        waiting(timedelta())
        told = capsys.readouterr().err
        waiting(timedelta(seconds=3))
    assert "awaited for a minute in the mailbox that bounces_url names" in told
    assert "stop with Ctrl+C" in told
    assert "nps-connect doctor mail --copy -" in told
    assert capsys.readouterr().err == "", "only once"


def test_a_bounce_is_read_from_a_file_once_and_shown(seeded_cli):
    (seeded_cli.folder / "bounce.eml").write_bytes(BOUNCE)
    told = seeded_cli("bounces", "read", "bounce.eml")
    assert told.code == 0, told.err
    assert "1 bounce new" in told.out
    assert "0 bounces new" in seeded_cli("bounces", "read", "bounce.eml").out
    shown = seeded_cli("contacts", "show", "marie@example.com").out
    assert "the mailbox: bounced (bounce (file))" in shown
    assert "hard 5.1.1 (file) smtp; 550 5.1.1 no such user" in shown


def test_a_mailbox_full_of_messages_is_read(seeded_cli):
    message = BOUNCE.replace(b"marie", b"paul")
    (seeded_cli.folder / "all.mbox").write_bytes(
        b"From x Fri Nov 20 10:00:00 2026\n" + BOUNCE + b"\nFrom x Fri Nov 20 10:00:00 2026\n" + message
        + b"\nFrom x Fri Nov 20 10:00:00 2026\nSubject: hello\n\nno report\n"
    )  # fmt: skip
    assert '"new": 2' in seeded_cli("bounces", "read", "all.mbox", "--json").out
    assert '"passed_over": 1' in seeded_cli("bounces", "read", "all.mbox", "--json").out


def test_the_relays_address_is_printed(configured):
    told = configured("bounces", "address", "mail")
    assert told.out.startswith("https://nps.example.com/b/")
    assert configured("bounces", "address", "nothing").code == 1


def test_a_response_is_shown_with_its_visits_and_signs(seeded_cli):
    [anne] = [line for line in seeded_cli("responses", "list", "--provisional").out.splitlines() if "crm:4" in line]
    assert "perhaps a machine: opened within seconds" in anne
    [provisional] = json.loads(seeded_cli("responses", "list", "--provisional", "--json").out)
    shown = seeded_cli("responses", "show", provisional["id"]).out
    assert "GET survey score 0" in shown
    assert "[opened within seconds of the mail's delivery]" in shown
    assert "scale" in shown
    assert seeded_cli("responses", "show", "r-nothing").code == 1


def test_a_detractor_without_signs_is_pointed_out_after_a_day():
    opened = datetime(2026, 11, 17, 9, tzinfo=UTC)
    row = {"segment": "detractor", "signs": [], "answered_at": opened}
    assert unconfirmed_hint(row, opened + timedelta(hours=23)) is None
    assert "please look" in unconfirmed_hint(row, opened + timedelta(hours=24))
    assert unconfirmed_hint({**row, "segment": "promoter"}, opened + timedelta(days=3)) is None
    assert "perhaps a machine" in unconfirmed_hint({**row, "signs": ["head"]}, opened + timedelta(days=3))
