"""Mails to customers: both parts are complete, external text is escaped."""

import re
import unicodedata
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.sample_mails import REVIEW_URL, SENDER, SURVEY_URL, UNSUBSCRIBE_URL, sample_review_mail, sample_survey_mail

VOID = {"meta", "br", "img", "hr", "link", "input"}


class ParsedMail(HTMLParser):
    """Parses a mail: links, visible text, and whether every element is closed."""

    def __init__(self, html):
        super().__init__()
        self.links, self.open, self.words, self.tags = [], [], [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "a":
            self.links.append(dict(attrs)["href"])
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"style", "title"} & set(self.open):
            self.words.append(data)

    @property
    def text(self):
        return re.sub("[ \n]+", " ", " ".join(self.words))


EVERY_MAIL = [
    pytest.param(make, id=f"{name}-{language}")
    for language in ("fr", "en")
    for name, make in {
        "survey": lambda language=language: sample_survey_mail(language),
        "reminder": lambda language=language: sample_survey_mail(language, reminder=True, test=True),
        "review": lambda language=language: sample_review_mail(language, "review"),
        "help": lambda language=language: sample_review_mail(language, "help"),
    }.items()
]


@pytest.mark.parametrize("make", EVERY_MAIL)
def test_both_parts_name_the_sender_and_the_unsubscribe_link(make):
    mail = make()
    html = ParsedMail(mail.html)
    assert html.open == []
    for part in (mail.text, html.text):
        assert "Exemple SA" in part
        assert "care@example.com" in part
        assert "75000 Paris" in part
    for address in (SENDER.privacy_notice_url, UNSUBSCRIBE_URL):
        assert address in mail.text
        assert address in html.links


@pytest.mark.parametrize("make", EVERY_MAIL)
def test_every_mail_is_under_40_kb_and_loads_nothing(make):
    html = make().html
    assert len(html.encode()) < 40_000
    fetching = {"img", "link", "script", "iframe", "object", "video", "form", "base"}
    assert not fetching & {tag for tag, _ in ParsedMail(html).tags}
    assert not re.search(r"url\(|@import|@font-face", html)


@pytest.mark.parametrize("make", EVERY_MAIL)
def test_every_mail_names_its_language_and_hides_layout_tables_from_screen_readers(make):
    mail = make()
    tags = ParsedMail(mail.html).tags
    assert next(attrs for tag, attrs in tags if tag == "html")["lang"] == mail.language
    assert all(attrs.get("role") == "presentation" for tag, attrs in tags if tag == "table")
    assert "max-width:600px" in mail.html
    assert "prefers-color-scheme: dark" in mail.html


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_survey_mail_holds_eleven_scores_in_both_parts(language):
    mail = sample_survey_mail(language)
    expected = [f"{SURVEY_URL}?score={score}" for score in range(11)]
    assert [link for link in ParsedMail(mail.html).links if link.startswith(SURVEY_URL)] == expected
    assert re.findall(r"^ ?\d+   (\S+)$", mail.text, re.MULTILINE) == expected


def test_the_survey_mail_in_french_states_reason_and_deadline_and_visibility():
    mail = sample_survey_mail("fr")
    for part in (mail.text, ParsedMail(mail.html).text):
        assert "Quelle est la probabilité que vous recommandiez Exemple SA à un proche ou à un collègue\u202f?" in part
        assert "Vous avez récemment effectué un achat chez Exemple SA" in part
        assert "Votre réponse n’est pas anonyme" in part
        assert "jusqu’au 3 mars 2026" in part
        assert "Bonjour Marie Martin," in part
    assert mail.subject == "Recommanderiez-vous Exemple SA\u202f?"


def test_the_survey_mail_in_english_states_reason_and_deadline_and_visibility():
    mail = sample_survey_mail("en")
    for part in (mail.text, ParsedMail(mail.html).text):
        assert "How likely are you to recommend Exemple SA to a friend or colleague?" in part
        assert "You recently bought something from Exemple SA" in part
        assert "Your answer is not anonymous" in part
        assert "until 3 March 2026" in part


def test_an_internal_label_is_never_shown_to_the_customer():
    mail = sample_survey_mail("en", touchpoint="q3_vip_wave-2")
    assert "q3" not in mail.text + mail.html
    assert "You were recently in touch with Exemple SA" in mail.text


@pytest.mark.parametrize(
    ("touchpoint", "word"), [("support", "help"), ("Delivery", "delivery"), ("onboarding", "became a customer")]
)
def test_a_well_known_touchpoint_is_named(touchpoint, word):
    assert word in sample_survey_mail("en", touchpoint=touchpoint).text


def test_the_surveys_own_question_replaces_the_standard_one():
    mail = sample_survey_mail("fr", question="Et notre atelier ?")
    assert "Et notre atelier\u202f?" in mail.text
    assert "probabilité que" not in mail.text
    assert mail.subject == "Exemple SA vous pose une question"


def test_reminder_and_test_are_marked_in_subject_and_body():
    mail = sample_survey_mail("en", reminder=True, test=True)
    assert mail.subject == "[Test] Reminder: Would you recommend Exemple SA?"
    assert "This is a test." in mail.text
    assert "We asked you a question a few days ago." in mail.text
    plain = sample_survey_mail("en")
    assert "test" not in plain.text.lower()
    assert "few days ago" not in plain.text


def test_the_expiry_day_uses_the_time_zone_of_its_value():
    from zoneinfo import ZoneInfo

    late = datetime(2026, 3, 3, 23, 30, tzinfo=UTC).astimezone(ZoneInfo("Europe/Paris"))
    assert "4 March 2026" in sample_survey_mail("en", expires_at=late).text


def test_the_rendered_language_is_the_one_of_the_catalogue():
    assert sample_survey_mail("fr-CA").language == "fr"
    assert sample_survey_mail("de").language == "en"


def test_external_text_is_escaped_in_html():
    sender = SENDER.model_copy(update={"company": 'Fish & "Chips" <Ltd>'})
    mail = sample_survey_mail("en", sender=sender, name="<script>alert(1)</script>", question="5 < 6 & so on?")
    assert "<script>" not in mail.html
    assert "5 &lt; 6 &amp; so on?" in mail.html
    assert "5 < 6 & so on?" in mail.text
    assert 'Fish & "Chips" <Ltd>' in mail.text
    assert ParsedMail(mail.html).open == []


def test_a_subject_cannot_inject_a_header():
    sender = SENDER.model_copy(update={"company": "Evil\r\nBcc: all@example.com"})
    for mail in (sample_survey_mail("en", sender=sender), sample_review_mail("en", sender=sender)):
        assert "\n" not in mail.subject
        assert "\r" not in mail.subject


def test_the_postal_address_is_optional():
    assert "Paris" not in sample_survey_mail(sender=SENDER.model_copy(update={"postal_address": None})).text


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("lead", ["review", "help"])
def test_both_review_mails_hold_the_same_link(language, lead):
    mail = sample_review_mail(language, lead)
    assert REVIEW_URL in mail.text
    assert REVIEW_URL in ParsedMail(mail.html).links


def test_the_help_mail_shows_the_help_address_before_the_review_link():
    mail = sample_review_mail("en", "help")
    for part in (mail.text, mail.html):
        assert part.index("care@example.com") < part.index("reviews.example.com")
    assert mail.subject == "Thank you for your answer"


def test_the_review_mail_has_one_button():
    mail = sample_review_mail("fr", "review")
    buttons = [attrs["href"] for tag, attrs in ParsedMail(mail.html).tags if tag == "a" and attrs["class"] == "label"]
    assert buttons == [REVIEW_URL]
    assert mail.subject == "Merci\u202f! Souhaitez-vous partager votre avis sur Exemple SA\u202f?"


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("lead", ["review", "help"])
def test_no_review_mail_promises_anything_for_a_review(language, lead):
    text = sample_review_mail(language, lead).text.lower()
    for incentive in (
        "gift",
        "voucher",
        "discount",
        "reward",
        "win ",
        "cadeau",
        "bon d",
        "remise",
        "gagner",
        "réduction",
    ):
        assert incentive not in text


@pytest.mark.parametrize(
    "make", [sample_survey_mail, lambda language, **parts: sample_review_mail(language, "help", **parts)]
)
@given(text=st.text(alphabet=st.characters()))
def test_no_name_brings_control_characters_into_a_mail(make, text):
    mail = make("fr", name=f"Eve{text}\x1b[2J\x9b\u202e\U000e0041")
    for part in (mail.subject, mail.text, mail.html):
        assert not [char for char in part if char not in "\n\t" and unicodedata.category(char) in {"Cc", "Cs"}]
        assert not set("\u202e\u2066\U000e0041") & set(part)
