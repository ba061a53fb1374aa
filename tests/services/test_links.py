"""Personal links: signed, each for one purpose, and still good after the keys were rotated."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps_connect.services.links import Links, ReviewLink, UnsubscribeLink

URL = "https://nps.example.com"
OLD, NEW = "the-old-signing-key", "the-new-signing-key"
MAILBOX = "a" * 64


@pytest.fixture
def links() -> Links:
    return Links(URL, [OLD])


def test_each_token_says_what_it_was_made_for(links):
    assert links.read_survey(links.survey(12)) == 12
    assert links.read_unsubscribe(links.unsubscribe(UnsubscribeLink(7, MAILBOX))) == (7, MAILBOX)
    assert links.read_review(links.review(ReviewLink(3, "stars", "mail"))) == (3, "stars", "mail")


def test_a_token_is_good_for_its_purpose_only(links):
    token = links.survey(12)
    assert links.read_review(token) is None
    assert links.read_unsubscribe(token) is None


def test_after_a_rotation_old_links_work_and_new_ones_are_signed_with_the_new_key(links):
    rotated = Links(URL, [NEW, OLD])
    assert rotated.read_survey(links.survey(12)) == 12
    assert Links(URL, [NEW]).read_survey(rotated.survey(12)) == 12
    assert Links(URL, [NEW]).read_survey(links.survey(12)) is None


@given(st.text(max_size=500))
def test_no_text_that_we_did_not_sign_is_read(text):
    links = Links(URL, [OLD])
    assert links.read_survey(text) is None
    assert links.read_review(text) is None
    assert links.read_unsubscribe(text) is None


@given(st.integers(0, 200), st.characters(codec="ascii"))
def test_a_changed_character_makes_a_token_unknown(place, character):
    links = Links(URL, [OLD])
    token = links.survey(123_456)
    place %= len(token)
    changed = token[:place] + character + token[place + 1 :]
    # the last character of base64 has bits that carry nothing: several spellings, one signature
    assert changed == token or place == len(token) - 1 or links.read_survey(changed) is None


def test_tokens_fit_into_a_mail_and_tell_nothing_personal(links):
    token = links.unsubscribe(UnsubscribeLink(2**62, MAILBOX))
    assert len(links.url("u", token)) < 300
    assert "@" not in token
