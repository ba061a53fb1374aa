"""Authentication results of an arrived mail: only those of the topmost server count."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps_connect.rules.email_authentication import check_authentication, is_aligned

GOOD = """\
Authentication-Results: mx.example.net; dkim=pass (2048-bit key) header.d=example.com header.s=k1;
 spf=pass (sender permitted) smtp.mailfrom=bounce@mail.example.com; dmarc=pass (p=REJECT) header.from=example.com
DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=k1;
 h=From:To:Subject:List-Unsubscribe:
 List-Unsubscribe-Post; bh=x; b=y
From: Exemple SA <care@example.com>
List-Unsubscribe: <https://nps.example.com/u/x>
List-Unsubscribe-Post: List-Unsubscribe=One-Click
Subject: x

text
"""


def failed_checks(copy: str) -> list[str]:
    return [finding.what for finding in check_authentication(copy.encode()) if not finding.ok]


def test_an_authenticated_mail_has_no_failed_check():
    assert failed_checks(GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("header.d=example.com", "header.d=relay.example.org", ["dkim"]),
        ("dkim=pass", "dkim=fail", ["dkim"]),
        ("@mail.example.com", "@relay.example.org", ["spf"]),
        ("spf=pass", "spf=softfail", ["spf"]),
        ("dmarc=pass", "dmarc=fail", ["dmarc"]),
        (":List-Unsubscribe:\n List-Unsubscribe-Post", "", ["unsubscribe headers"]),
        ("; d=example.com;", "; d=relay.example.org;", ["unsubscribe headers"]),
        ("List-Unsubscribe-Post: List-Unsubscribe=One-Click\n", "", ["unsubscribe headers"]),
        ("From: Exemple SA <care@example.com>\n", "", ["copy"]),
    ],
)
def test_a_failed_check_is_named(old, new, what):
    assert old in GOOD
    assert failed_checks(GOOD.replace(old, new)) == what


@pytest.mark.parametrize(
    ("result", "text", "fix"),
    [
        ("dkim=fail (body hash) header.d=example.com", "of example.com is broken (fail)", "change a mail after"),
        (
            "dkim=permerror header.d=mail.example.com",
            "of mail.example.com is broken (permerror)",
            "key of the selector",
        ),
        ("dkim=temperror header.d=example.com", "could not be checked now", "check again"),
        ("dkim=fail", "of the mail is broken (fail)", "change a mail after"),
        ("dkim=pass header.d=relay.example.org", "signed only by relay.example.org (pass)", "sign with d=example.com"),
        ("dkim=fail header.d=relay.example.org", "signed only by relay.example.org (fail)", "sign with d=example.com"),
        ("dkim=none", "no dkim signature of example.com", "sign with d=example.com"),
        ("x=y", "no dkim signature of example.com", "sign with d=example.com"),
    ],
)
def test_a_broken_signature_is_told_from_a_foreign_one_and_from_none(result, text, fix):
    copy = GOOD.replace("dkim=pass (2048-bit key) header.d=example.com header.s=k1", result)
    [finding] = [finding for finding in check_authentication(copy.encode()) if finding.what == "dkim"]
    assert not finding.ok
    assert text in finding.text
    assert fix in finding.fix


def test_only_results_of_the_topmost_server_count():
    forged = GOOD.replace("spf=pass", "spf=fail").replace(
        "DKIM-Signature",
        "Authentication-Results: sender.example.org; spf=pass smtp.mailfrom=example.com\nDKIM-Signature",
    )
    assert failed_checks(forged) == ["spf"]


def test_a_domain_with_a_common_ending_is_not_aligned():
    assert is_aligned("mail.example.com", "example.com", dmarc_passes=False)
    assert not is_aligned("notexample.com", "example.com", dmarc_passes=True)
    assert not is_aligned("", "example.com", dmarc_passes=True)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("bounces.example.com", "news.example.com"),
        ("a.bounces.example.co.uk", "news.example.co.uk"),
        ("bounces.example.fr", "news.example.fr"),
    ],
)
def test_sibling_domains_are_aligned_if_dmarc_passes(first, second):
    assert is_aligned(first, second, dmarc_passes=True)
    assert not is_aligned(first, second, dmarc_passes=False)


@pytest.mark.parametrize(
    ("first", "second"),
    [("one.co.uk", "other.co.uk"), ("a.com.au", "b.com.au"), ("example.com", "example.net"), ("com", "fr")],
)
def test_domains_below_a_public_suffix_are_not_aligned(first, second):
    assert not is_aligned(first, second, dmarc_passes=True)


def test_a_sibling_subdomain_of_the_relay_is_accepted_if_dmarc_passes():
    sibling = (
        GOOD.replace("header.d=example.com", "header.d=bounces.example.com")
        .replace("; d=example.com;", "; d=bounces.example.com;")
        .replace("care@example.com", "care@news.example.com")
    )
    assert failed_checks(sibling) == []
    assert failed_checks(sibling.replace("dmarc=pass", "dmarc=none")) == ["spf", "dkim", "dmarc", "unsubscribe headers"]


@given(st.binary(max_size=400))
def test_any_text_can_be_checked(copy):
    assert check_authentication(copy)
