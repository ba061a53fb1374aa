"""The measurement of `make bounce-corpus`, on a small corpus written for this test."""

from __future__ import annotations

import pytest
from support.bounce_corpus import Figures, half_of, load_corpus, measure, render_report

REPORT = """\
From: MAILER-DAEMON@mx.example.com
To: care@example.com
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.com

Final-Recipient: rfc822; {recipient}
Action: failed
Status: {status}
Diagnostic-Code: smtp; 550 {status} {text}

--b
Content-Type: text/rfc822-headers

To: marie@example.com

--b--
"""


def report(status: str, text: str, recipient: str = "marie@example.com") -> str:
    return REPORT.format(status=status, text=text, recipient=recipient)


@pytest.fixture
def corpus(tmp_path):
    """Two tests of the corpus with their mails; each mail under the layer that the corpus moved it to."""
    tests, mails = tmp_path / "p5-sisimai" / "t", tmp_path / "set-of-emails" / "maildir" / "bsd"
    tests.mkdir(parents=True)
    mails.mkdir(parents=True)
    (tests / "760-lhost-alpha.t").write_text(
        "    '01' => [['5.1.1', '550', 'userunknown', 1]],\n"
        "    '02' => [['5.2.2', '550', 'mailboxfull', 0]],\n"
        "    '03' => [['5.1.1', '550', 'filtered', 0]],\n"
        "    '04' => [['5.1.1', '550', 'userunknown', 1],\n             ['5.1.1', '550', 'userunknown', 1]],\n"
        "    '09' => [['5.1.1', '550', 'userunknown', 1]],\n"
    )
    (tests / "899-arf.t").write_text("    '01' => [['', '', 'feedback', 0, 'auth-failure']],\n")
    (mails / "lhost-alpha-01.eml").write_text(report("5.1.1", "no such user"))
    (mails / "lhost-alpha-02.eml").write_text(report("5.1.1", "no such user"))
    (mails / "lhost-alpha-03.eml").write_text(report("5.1.1", "no such user"))
    (mails / "rhost-alpha-04.eml").write_text(report("5.1.1", "no such user"))
    (tmp_path / "recipients.tsv").write_text(
        "lhost-alpha-01.eml\tMarie@example.com\nlhost-alpha-02.eml\tpaul@example.com\nrhost-alpha-04.eml\n"
    )
    (mails / "arf-01.eml").write_text("Subject: hello\n\nnothing")
    return list(load_corpus(tmp_path))


def test_the_mails_that_exist_are_measured_against_their_expectations(corpus):
    assert [mail.path.name for mail in corpus] == [
        "lhost-alpha-01.eml", "lhost-alpha-02.eml", "lhost-alpha-03.eml", "rhost-alpha-04.eml", "arf-01.eml",
    ]  # fmt: skip
    figures = sum(measure(corpus).values(), Figures())
    assert (figures.mails, figures.refused, figures.bounces, figures.attributed) == (5, 0, 5, 4)
    assert (figures.soft, figures.false_hard, figures.disputed) == (2, 1, 1)
    assert (figures.hard, figures.false_soft) == (2, 0)
    assert (figures.with_address, figures.wrong_recipient) == (2, 1)
    assert "| soft read as hard | " in render_report(measure(corpus))


def test_the_layers_of_one_server_are_in_one_half():
    assert half_of("lhost-postfix") == half_of("rhost-postfix") == "held out"
    assert half_of("lhost-qmail") == "open"
