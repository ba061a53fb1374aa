"""`nps-connect bounces read` and `bounces address`."""

from __future__ import annotations

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
