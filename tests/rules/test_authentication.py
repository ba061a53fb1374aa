"""What the headers of an arrived mail tell of its signatures; nothing else in them is believed."""

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


def wrong(copy: str) -> list[str]:
    return [finding.what for finding in check_authentication(copy.encode()) if not finding.ok]


def test_a_mail_as_it_should_be():
    assert wrong(GOOD) == []


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
def test_what_is_wrong_is_named(old, new, what):
    assert old in GOOD
    assert wrong(GOOD.replace(old, new)) == what


def test_only_the_topmost_server_is_believed():
    forged = GOOD.replace("spf=pass", "spf=fail").replace(
        "DKIM-Signature",
        "Authentication-Results: sender.example.org; spf=pass smtp.mailfrom=example.com\nDKIM-Signature",
    )
    assert wrong(forged) == ["spf"]


def test_a_domain_that_only_ends_alike_is_not_related():
    assert is_aligned("mail.example.com", "example.com", dmarc_passes=False)
    assert not is_aligned("notexample.com", "example.com", dmarc_passes=True)
    assert not is_aligned("", "example.com", dmarc_passes=True)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("bounces.example.com", "news.example.com"),
        ("a.bounces.example.co.uk", "news.example.co.uk"),
        ("bounces.example.fr", "news.example.fr"),
    ],
)
def test_domains_beside_each_other_are_aligned_where_the_receiving_server_says_that_dmarc_passes(one, other):
    assert is_aligned(one, other, dmarc_passes=True)
    assert not is_aligned(one, other, dmarc_passes=False)


@pytest.mark.parametrize(
    ("one", "other"),
    [("one.co.uk", "other.co.uk"), ("a.com.au", "b.com.au"), ("example.com", "example.net"), ("com", "fr")],
)
def test_a_registry_makes_nobody_an_organisation(one, other):
    assert not is_aligned(one, other, dmarc_passes=True)


def test_a_relay_s_own_subdomain_beside_the_sender_s_is_as_it_should_be():
    beside = (
        GOOD.replace("header.d=example.com", "header.d=bounces.example.com")
        .replace("; d=example.com;", "; d=bounces.example.com;")
        .replace("care@example.com", "care@news.example.com")
    )
    assert wrong(beside) == []
    assert wrong(beside.replace("dmarc=pass", "dmarc=none")) == ["spf", "dkim", "dmarc", "unsubscribe headers"]


@given(st.binary(max_size=400))
def test_any_copy_is_judged(copy):
    assert check_authentication(copy)
