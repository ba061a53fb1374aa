"""Personal links: signed, valid for one purpose, and valid after a key rotation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps_connect.services.links import Links, ReviewLink

URL = "https://nps.example.com"
OLD, NEW = "the-old-signing-key", "the-new-signing-key"
MAILBOX = "a" * 64
INVITATION = "0123456789abcdef0123456789abcdef"
RESPONSE = f"r-{INVITATION}"


@pytest.fixture
def links() -> Links:
    return Links(URL, [OLD])


def test_a_token_is_verified_to_its_content(links):
    assert links.read_survey(links.survey(INVITATION)) == INVITATION
    assert links.read_unsubscribe(links.unsubscribe(MAILBOX)) == MAILBOX
    assert links.read_review(links.review(ReviewLink(RESPONSE, "stars", "mail"))) == (RESPONSE, "stars", "mail")


def test_a_token_is_valid_for_its_purpose_only(links):
    token = links.survey(INVITATION)
    assert links.read_review(token) is None
    assert links.read_unsubscribe(token) is None


def test_old_links_work_after_a_key_rotation_and_new_ones_use_the_new_key(links):
    rotated = Links(URL, [NEW, OLD])
    assert rotated.read_survey(links.survey(INVITATION)) == INVITATION
    assert Links(URL, [NEW]).read_survey(rotated.survey(INVITATION)) == INVITATION
    assert Links(URL, [NEW]).read_survey(links.survey(INVITATION)) is None


@given(st.text(max_size=500))
def test_unsigned_text_is_rejected(text):
    links = Links(URL, [OLD])
    assert links.read_survey(text) is None
    assert links.read_review(text) is None
    assert links.read_unsubscribe(text) is None


@given(st.integers(0, 200), st.characters(codec="ascii"))
def test_a_token_with_a_changed_character_is_rejected(position, character):
    links = Links(URL, [OLD])
    token = links.survey(INVITATION)
    position %= len(token)
    changed = token[:position] + character + token[position + 1 :]
    # the last character of base64 has unused bits: several spellings of one signature
    assert changed == token or position == len(token) - 1 or links.read_survey(changed) is None


def test_tokens_are_short_and_contain_no_personal_data(links):
    token = links.unsubscribe(MAILBOX)
    assert len(links.url("u", token)) < 300
    assert "@" not in token


def test_a_message_id_depends_on_the_delivery_key_and_the_signing_key_only(links):
    message_id = links.message_id("send_survey-1")
    assert Links("https://other.example.com", [OLD]).message_id("send_survey-1") == message_id
    assert links.message_id("send_survey-2") != message_id
    assert Links(URL, [NEW, OLD]).message_id("send_survey-1") != message_id
