"""Hard or soft: the words beside the code decide, and what is contradictory is soft."""

from __future__ import annotations

import pytest

from nps_connect.builtin.email.bounce_classifier import Cause, Refusal, classify, stage_in

NO_MAILBOX = [
    "550 5.1.1 <marie@example.com>: Recipient address rejected: User unknown in virtual mailbox table",
    "550 No such user here",
    "550 5.7.1 <marie@example.com>... user unknown",
    "554 delivery error: dd This user doesn't have an example.com account (marie@example.com) [0]",
    "550 5.5.0 Adresse destinataire invalide. Invalid recipient. XYZ_416",
    "550 5.1.351 Remote server returned unknown recipient or mailbox unavailable -> 550 5.1.1 User unknown",
    "550 5.5.0 Requested action not taken: mailbox unavailable (S2017). [mx.prod.protection.outlook.com]",
    "550 5.4.1 Recipient address rejected: Access denied. AS(201806281) [mx.mail.protection.outlook.com]",
    "550-5.1.1 The email account that you tried to reach does not exist. Please try 550-5.1.1 again",
    "Empfänger ist unbekannt",
    "550 5.1.1",
    "550 5.0.0 5.1.1 rejected",
    'unknown local-part "marie" in domain "example.com"',
    "5.1.0 - Unknown address error 550-'5.1.1 User unknown'",
    "550 #5.1.0 Address rejected marie@example.com: addressee unknown",
    "Sorry, no mailbox here by that name. (#5.1.1)",
    "550 5.1.10 RESOLVER.ADR.RecipientNotFound",
    "550 User (marie@example.com) unknown.",
    "550 Command RCPT User <marie@example.com> not OK",
    "550 ADDRESS_NOT_FOUND",
    "550 5.7.1 This address no longer accepts mail.",
    "550 mailbox unavailable or not local",
    "Invalid final delivery userid: marie@example.com",
    "550 5.7.17 Mailbox owner has changed",
    "550 Nie ma takiego konta",
]
NO_DOMAIN = [
    "DNS Error: 80335577 DNS type 'mx' lookup of gone.invalid responded with code NXDOMAIN",
    "Host or domain name not found. Name service error for name=gone.invalid type=A: Host not found",
    "an MX or SRV record indicated no SMTP service",
    "556 5.1.10 Recipient address has null MX",
    "521 5.3.2 no mail here",
    "550 5.4.310 DNS domain gone.invalid does not exist",
    "all relevant MX records point to non-existent hosts",
    "Your message wasn't delivered to marie@example.invalid because the domain example.invalid couldn't be found.",
    "550 5.4.4",
]
MAILBOX_FULL = [
    "552 5.1.1 Boîte du destinataire pleine. Recipient overquota. XYZ_417",
    "552 5.1.1 rejected",
    "550 5.1.1 User unknown (5.2.2)",
    "550 5.1.1 <marie@example.com>: mailbox is full",
    "552-5.2.3 The recipient's mailbox has exceeded its storage quota",
    "Das Postfach ist voll",
]
ABOUT_US = [
    '550-"JunkMail rejected - mx.example.com [192.0.2.2]:4711 is in an RBL, see https://example.com/query"',
    "550 rejected because 192.0.2.2 is in a black list at ix.dnsbl.example.net",
    "550 DMARC check failed. http://help.example.com/?id=16",
    "550 5.1.0 192.0.2.222 is not allowed to send from <example.com> per its SPF Record",
    "550 Protocol violation (in reply to DATA command)",
    "550 5.7.1 message refused",
    "550 5.1.1 user unknown; your server is listed at zen.spamhaus.org",
    "550 5.3.4 too large",
    "550 refused (in reply to EHLO command)",
    "x-unix; marie: No such user",
    'Command died with status 67: "/usr/bin/deliver". Command output: user unknown',
    "5.1.0 - Unknown address error 550-'5.7.1 Access denied'",
    "550 5.7.1 Helo command rejected: Host not found",
    "550 Client host rejected: domain not found",
    "554 5.7.1 unknown client address",
    "550 your IP address is not listed",
    "550 excessive unknown recipients",
]
CASES = (
    [(text, Cause.NO_MAILBOX) for text in NO_MAILBOX]
    + [(text, Cause.NO_DOMAIN) for text in NO_DOMAIN]
    + [(text, Cause.MAILBOX_FULL) for text in MAILBOX_FULL]
    + [(text, Cause.MESSAGE) for text in ABOUT_US]
    + [
        ("550-5.2.1 The user you are trying to contact is receiving mail at a rate that", Cause.RATE),
        ("550 Ip frequency limited", Cause.RATE),
        ("550 5.2.1 The account is disabled", Cause.CLOSED),
        ("525 5.7.13 User account disabled", Cause.SUSPENDED),
        ("550 5.2.1 account suspended", Cause.SUSPENDED),
        ("550 relay not permitted", Cause.RELAY),
        ("550 5.7.1 Unable to relay for marie@example.com", Cause.RELAY),
        ("550 SMTP AUTH is required. SMTP authentication required", Cause.RELAY),
        ("Verification failed for <care@example.com> Unrouteable address Sender verify failed", Cause.SENDER),
        ("553 5.1.8 Domain of sender address care@example.com does not exist", Cause.SENDER),
        ("554 5.2.252 SendAsDenied; a@example.com not allowed to send as care@example.com", Cause.SENDER),
        ("550 5.7.60 SMTP; Client does not have permissions to send as this sender", Cause.SENDER),
        ("550 The from address does not match a verified Sender Identity", Cause.SENDER),
        ("554 dd This account has been disabled or discontinued [#102]. - mta1.mail.yahoo.com", Cause.NO_MAILBOX),
        ("550 5.1.7 rejected", Cause.SENDER),
        ("550 unknown (in reply to MAIL FROM command)", Cause.SENDER),
        ("550 5.4.5 Daily user sending limit exceeded", Cause.SENDING_QUOTA),
        ("550 5.7.232 Your trial tenant has exceeded its daily limit for external recipients", Cause.SENDING_QUOTA),
        ("STOREDRV.Submission.Exception:SubmissionQuotaExceededException; Failed", Cause.SENDING_QUOTA),
        ("451 4.1.1 user unknown", Cause.TEMPORARY),
        ("450 greylisted", Cause.TEMPORARY),
        ("454 4.7.1 Relay access denied", Cause.RELAY),
        ("Delivery failed 20 attempts", Cause.TEMPORARY),
        ("550 5.4.300 Message expired", Cause.TEMPORARY),
        ("550 5.2.121 Recipient's per hour message receive limit exceeded", Cause.RATE),
        ("550 5.1.90 your message can't be sent today", Cause.SENDING_QUOTA),
        ("550 5.2.1 This mailbox has been blocked due to inactivity", Cause.CLOSED),
        ("lowest numbered MX record points to local host", Cause.UNDECIDED),
        ("The user does not accept email in non-Western character sets.", Cause.UNDECIDED),
        ("4.4.3 Host not found: lookup time-out", Cause.TEMPORARY),
        ("450 4.1.8 Sender address rejected: Domain not found", Cause.TEMPORARY),
        ("Host not found: lookup time-out", Cause.MESSAGE),
        ("4.4.3 Domain not found: SERVFAIL", Cause.TEMPORARY),
        ("550", Cause.UNDECIDED),
        ("550 5.1.0 no", Cause.UNDECIDED),
        ("550 5.2.1 no", Cause.UNDECIDED),
        ("550 5.4.1 no", Cause.UNDECIDED),
        ("553 Requested action not taken: mailbox unavailable", Cause.UNDECIDED),
        ("550 5.1.1 User unknown (in reply to end of DATA command)", Cause.UNDECIDED),
        ("550 rejected: userunknown@example.com", Cause.UNDECIDED),
        ("", Cause.UNDECIDED),
    ]
)


@pytest.mark.parametrize(("text", "cause"), CASES)
def test_the_words_and_codes_of_a_refusal_name_its_cause(text, cause):
    assert classify(Refusal(text)) is cause


def test_a_hard_bounce_is_a_mailbox_or_domain_that_does_not_exist_or_a_closed_account():
    assert {cause for cause in Cause if cause.is_hard} == {Cause.NO_MAILBOX, Cause.NO_DOMAIN, Cause.CLOSED}


def test_only_refusals_about_the_mailbox_count_when_they_are_repeated():
    assert {cause for cause in Cause if cause.concerns_mailbox} == {
        Cause.MAILBOX_FULL, Cause.SUSPENDED, Cause.UNDECIDED,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("refusal", "cause"),
    [
        (Refusal("no", status="5.1.1"), Cause.NO_MAILBOX),
        (Refusal("550 5.1.1 no", status="5.7.1"), Cause.NO_MAILBOX),
        (Refusal("no", status="4.2.1"), Cause.TEMPORARY),
        (Refusal("Domain does not exist", status="4.0.0"), Cause.NO_DOMAIN),
        (Refusal("no", code=451), Cause.TEMPORARY),
        (Refusal("5.1.1 no such user", code=552), Cause.MAILBOX_FULL),
        (Refusal("5.1.1 no such user", stage="end of data"), Cause.UNDECIDED),
        (Refusal("5.1.1 no such user", stage="data"), Cause.NO_MAILBOX),
        (Refusal("mailbox unavailable", server="mx.hotmail.com"), Cause.NO_MAILBOX),
    ],
)
def test_what_the_report_says_beside_the_text_counts_too(refusal, cause):
    assert classify(refusal) is cause


@pytest.mark.parametrize(
    ("text", "stage"),
    [
        ("(in reply to RCPT TO command)", "recipient"),
        ("SMTP error from remote mail server after pipelined RCPT TO:<marie@example.com>", "recipient"),
        ("Connected to 192.0.2.1 but greeting failed.", "before recipient"),
        ("SMTP error from remote mail server after end of data", "end of data"),
        ("SMTP error from remote mail server after MAIL FROM:<care@example.com>", "sender"),
        ("host mx.example.com refused to talk to me", "before recipient"),
        (">>> DATA\n<<< 550 user unknown", None),
    ],
)
def test_the_refused_step_stands_in_the_text_for_people(text, stage):
    assert stage_in(text) == stage
