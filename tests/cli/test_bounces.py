"""`nps-connect bounces read`, `bounces list` and `bounces address`."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import select

from nps_connect.errors import Undeliverable
from nps_connect.ledger.tables import ContactRow, DeliveryRow

FORGED = b"""From: MAILER-DAEMON@mx.example.com
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
def bounce_of(seeded_cli):
    """Builds the bounce of the survey mail to a person: the forged report with the Message-ID of that mail."""

    def build(name: str) -> bytes:
        message_id = f"<{name}-survey@example.com>"
        with seeded_cli.application.ledger.write() as session:
            query = select(DeliveryRow).join(ContactRow, ContactRow.id == DeliveryRow.contact_id)
            delivery = session.execute(query.where(ContactRow.email == f"{name}@example.com")).scalars().first()
            delivery.receipt_id = message_id
        return f"In-Reply-To: {message_id}\n".encode() + FORGED.replace(b"marie", name.encode())

    return build


def test_bounce_is_processed_once_and_shown(seeded_cli, bounce_of):
    (seeded_cli.folder / "bounce.eml").write_bytes(bounce_of("marie"))
    result = seeded_cli("bounces", "read", "bounce.eml")
    assert result.code == 0, result.err
    assert "1 new bounce, 0 without effect" in result.out
    assert "0 new bounces" in seeded_cli("bounces", "read", "bounce.eml").out
    shown = seeded_cli("contacts", "show", "marie@example.com").out
    assert "mailbox: bounced (bounce (file))" in shown
    assert "hard 5.1.1 (file) smtp; 550 5.1.1 no such user" in shown


def test_a_report_about_none_of_our_mails_is_counted_and_listed_and_has_no_effect(seeded_cli):
    (seeded_cli.folder / "forged.eml").write_bytes(FORGED)
    assert "0 new bounces, 1 without effect" in seeded_cli("bounces", "read", "forged.eml").out
    listed = seeded_cli("bounces", "list").out
    assert "hard" in listed
    assert "none of ours" in listed
    shown = seeded_cli("contacts", "show", "marie@example.com").out
    assert "suppressed:" not in shown
    assert "hard 5.1.1 (file, about none of our mails: no effect)" in shown


def test_mbox_with_several_messages(seeded_cli, bounce_of):
    start = b"From x Fri Nov 20 10:00:00 2026\n"
    nested = b"Content-Type: message/rfc822\n\n" * 1_000
    messages = (bounce_of("marie"), bounce_of("paul"), b"Subject: hello\n\nno report\n", nested)
    (seeded_cli.folder / "all.mbox").write_bytes(b"\n".join(start + message for message in messages))
    assert json.loads(seeded_cli("bounces", "read", "all.mbox", "--json").out) == {
        "reports": 2, "new": 2, "unattributed": 0, "passed_over": 2,
    }  # fmt: skip
    assert json.loads(seeded_cli("bounces", "read", "all.mbox", "--json").out)["new"] == 0
    assert [row["kind"] for row in json.loads(seeded_cli("bounces", "list", "--json").out)["items"]] == ["hard", "hard"]


def test_bounce_url_is_printed(configured_cli):
    result = configured_cli("bounces", "address", "mail")
    assert result.out.startswith("https://nps.example.com/b/")
    assert configured_cli("bounces", "address", "nothing").code == 1


@pytest.fixture
def braked_cli(seeded_cli):
    """Run commands after six of six survey mails were refused: the queue is held."""
    application = seeded_cli.application
    for number in range(11, 17):
        application.crm.knows(str(number), f"dead-{number}@example.com")
        application.webhook(application.won(str(number)))
    application.run()
    application.clock.forward("3d")
    application.post.raising = [Undeliverable("refused (550 5.1.1)", status=550)] * 6
    application.run(only="send_survey")
    return seeded_cli


def test_mail_that_many_bounces_hold_is_shown_and_resumed_only_by_a_decision(braked_cli):
    assert "queue:mail/send_survey is paused" in braked_cli("status").out
    resumed = braked_cli("resume", "queue:mail/send_survey", "--yes")
    assert resumed.code == 1
    assert "nps-connect bounces confirm|undo mail" in resumed.err
    assert "queue:mail/send_survey is paused" in braked_cli("status").out


def test_undo_says_how_many_suppressions_it_lifts_and_how_to_send_the_mails(braked_cli):
    rehearsed = json.loads(braked_cli("bounces", "undo", "mail", "--dry-run", "--json").out)
    assert rehearsed == {
        "dry_run": True, "connection": "mail", "recipients": 5, "mails": 5, "suppressions": 5, "restored": 0,
        "returned": 0,
    }  # fmt: skip
    result = braked_cli("bounces", "undo", "mail", "--yes")
    assert result.code == 0, result.err
    assert "5 recipients of 5 mails were refused; 5 mailboxes are suppressed provisionally" in result.out
    assert "Suppressions lifted: 5" in result.out
    assert "deliveries retry --all --connection mail --error undeliverable" in result.out
    assert "is paused" not in braked_cli("status").out
    again = braked_cli("bounces", "undo", "mail", "--yes")
    assert (again.code, "no mail of connection mail is held" in again.err) == (1, True)
    retried = braked_cli("deliveries", "retry", "--all", "--error", "undeliverable", "--yes")
    assert "5 of 5 can be retried; mail would reach 5 customers" in retried.out


def test_confirm_suppresses_for_good_and_a_retry_says_so(braked_cli):
    result = braked_cli("bounces", "confirm", "mail", "--yes")
    assert result.code == 0, result.err
    assert "Suppressed for good: 5. Mail of connection mail goes on." in result.out
    assert "is paused" not in braked_cli("status").out
    retried = braked_cli("deliveries", "retry", "--all", "--error", "undeliverable", "--yes")
    assert "0 of 5 can be retried" in retried.out


def test_a_decision_asks_first_and_needs_an_existing_connection(braked_cli):
    declined = braked_cli("bounces", "confirm", "mail", answer="n\n")
    assert "Suppress 5 mailboxes for good and resume mail?" in declined.err
    assert "is paused" in braked_cli("status").out
    assert "did you mean" in braked_cli("bounces", "undo", "mial").err.lower()
