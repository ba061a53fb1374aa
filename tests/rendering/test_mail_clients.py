"""Mails in programs with limited HTML support: Outlook, webmail, dark modes."""

import os
import re
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from support.sample_mails import (
    LOGO,
    SENDER,
    UNSUBSCRIBE_URL,
    render_as_outlook,
    right_to_left_mail,
    sample_review_mail,
    sample_survey_mail,
)

from nps_connect import Address, InlineImage, Message
from nps_connect.builtin.email.mime_message import build_mime_message
from nps_connect.builtin.email.settings import EmailSettings
from nps_connect.settings.branding import MAX_LOGO_BYTES

SETTINGS = EmailSettings.model_validate(
    {
        "plugin": "email",
        "smtp_url": "smtp://127.0.0.1",
        "sender": "Exemple SA <care@example.com>",
        "reply_to": "help@example.com",
    }
)
KINDS = {
    "survey": sample_survey_mail,
    "reminder": lambda language: sample_survey_mail(language, reminder=True, test=True),
    "confirm": lambda language: sample_survey_mail(language, confirm=2),
    "review": sample_review_mail,
    "help": lambda language: sample_review_mail(language, "help"),
}
EVERY_MAIL = [
    pytest.param(make, language, id=f"{name}-{language}") for name, make in KINDS.items() for language in ("fr", "en")
]


class Cells(HTMLParser):
    """Every element with its attributes, and the cell that each link stands in."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.links, self._cell = [], [], {}
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        if tag == "td":
            self._cell = attributes
        if tag == "a":
            self.links.append((self._cell, attributes))


def build_mail(mail, **more):
    message = Message(
        idempotency_key="send_survey:42:1",
        message_id="0123456789abcdef",
        kind="survey",
        to=Address(email="marie@example.com", name="Marie Martin"),
        subject=mail.subject,
        text=mail.text,
        html=mail.html,
        language=mail.language,
        unsubscribe_url=UNSUBSCRIBE_URL,
        list_id="after-purchase.surveys.nps.example.com",
        **more,
    )
    return build_mime_message(message, SETTINGS, datetime(2026, 3, 2, 9, tzinfo=UTC))


def test_a_score_is_styled_on_its_cell():
    scores = [(cell, link) for cell, link in Cells(sample_survey_mail("fr").html).links if "score=" in link["href"]]
    assert len(scores) == 11
    for cell, link in scores:
        assert (cell["width"], cell["height"]) == ("40", "44")
        assert (cell["align"], cell["valign"], cell["bgcolor"]) == ("center", "middle", "#ffffff")
        assert "border:1px solid #5b6b7f" in cell["style"]
        assert "display:block;height:44px" in link["style"]
        assert not re.search("border|background|padding|width", link["style"])


def test_outlook_widens_the_clickable_text_of_every_score_whatever_the_font():
    html = render_as_outlook(sample_survey_mail("fr").html)
    assert re.findall(r'<a class="number"[^>]*>(.*?)</a>', html) == [f"&ensp;{score}&ensp;" for score in range(11)]
    assert len(re.findall(r'<td class="score" width="40" height="44" nowrap ', html)) == 11


@pytest.mark.parametrize(
    "mail", [sample_survey_mail("fr", confirm=2), sample_review_mail("fr"), sample_review_mail("fr", "help")]
)
def test_a_button_is_styled_on_its_cell(mail):
    [cell] = [cell for cell, link in Cells(mail.html).links if link["class"] == "label"]
    assert (cell["align"], cell["valign"], cell["height"]) == ("center", "middle", "48")
    assert cell["bgcolor"] == "#174ea6"
    assert "mso-padding-alt:0 24px" in cell["style"]


@pytest.mark.parametrize(("make", "language"), EVERY_MAIL)
def test_outlook_gets_its_own_font_and_pixel_size(make, language):
    html = make(language).html
    assert "<o:PixelsPerInch>96</o:PixelsPerInch>" in html
    assert "font-family: Arial, sans-serif !important" in re.search(r"\[if mso\]>(.*?)<!\[endif", html, re.DOTALL)[1]
    assert html.count("<!--[if mso]>") == html.count("<![endif]-->")
    tags = [tag for tag, _ in Cells(render_as_outlook(html)).tags]
    assert tags.count("table") == len(re.findall("</table>", render_as_outlook(html)))


@pytest.mark.parametrize(("make", "language"), EVERY_MAIL)
def test_language_and_direction_survive_where_webmail_strips_the_page(make, language):
    mail = make(language)
    [wrapper] = [attrs for _tag, attrs in Cells(mail.html).tags if attrs.get("role") == "article"]
    assert (wrapper["lang"], wrapper["dir"]) == (language, "ltr")
    assert wrapper["aria-roledescription"] == "email"
    assert wrapper["aria-label"] == mail.subject


def test_a_right_to_left_mail_declares_its_direction_twice():
    tags = Cells(right_to_left_mail()).tags
    assert [(tag, attrs["lang"]) for tag, attrs in tags if attrs.get("dir") == "rtl"] == [("html", "ar"), ("div", "ar")]
    assert not re.search(r'align="?left|text-align:\s*left', right_to_left_mail())


def test_dark_colours_are_the_same_for_outlook_on_the_web():
    html = sample_survey_mail("fr", confirm=2).html
    media_rules = re.search(r"prefers-color-scheme: dark\) {\n(.*?)\n}\n", html, re.DOTALL)[1].splitlines()
    marked = re.findall(r"^\[data-ogs[bc]\] (.*)$", html, re.MULTILINE)
    assert sorted(media_rules) == sorted(marked)
    assert all("background" in rule for rule in re.findall(r"^\[data-ogsb\] (.*)$", html, re.MULTILINE))
    classes = set(re.findall(r'class="([a-z]+)"', html)) | {"plate"}
    assert {re.match(r"\.(\w+)", rule)[1] for rule in media_rules} == classes


def test_the_logo_has_a_white_background():
    html = sample_survey_mail("fr", sender=SENDER.model_copy(update={"logo": LOGO})).html
    [plate] = [attrs for tag, attrs in Cells(html).tags if attrs.get("class") == "plate"]
    assert plate["bgcolor"] == "#ffffff"
    assert "linear-gradient(#ffffff,#ffffff)" in plate["style"]


@pytest.mark.parametrize(("make", "language"), EVERY_MAIL)
def test_the_text_part_has_a_signature_separator(make, language):
    mail = make(language)
    assert mail.text.count("\n\n-- \n") == 1
    assert b"\r\n\r\n--=20\r\n" in build_mail(mail)


def test_the_closing_is_a_paragraph_of_the_text_part():
    assert "commentaire.\n\nMerci,\nExemple SA\n" in sample_survey_mail("fr").text


LONG_COMPANY = ("Société d’Exemple et de Démonstration du Pays de Bigouden " * 4)[:200]
LONG_QUESTION = ("Quelle est la probabilité que vous recommandiez à vos collègues nos équipes et nos délais ? " * 4)[
    :300
]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"reminder": True, "test": True},
        {"confirm": 2, "test": True},
        {"question": LONG_QUESTION, "reminder": True, "test": True},
        {"question": LONG_QUESTION, "confirm": 2, "test": True},
    ],
)
def test_the_whole_mail_stays_under_40_kb_with_the_largest_logo(changes):
    sender = SENDER.model_copy(
        update={
            "company": LONG_COMPANY,
            "logo": LOGO,
            "signed_by": ("Hélène Lefèvre, relations clientèle " * 4)[:120],
            "postal_address": "Bâtiment de l’Exemple, 1 avenue de la Démonstration\nCedex 01\n75000 Paris\nFrance",
        }
    )
    token = "t" * 90
    mail = sample_survey_mail(
        "fr",
        sender=sender,
        name="Hélène Lefèvre de l’Exemple",
        survey_url=f"https://enquetes.societe-exemple.example.com/s/{token}",
        unsubscribe_url=f"https://enquetes.societe-exemple.example.com/u/{token}",
        **changes,
    )
    logo = InlineImage(content_id="logo", media_type="image/png", data=os.urandom(MAX_LOGO_BYTES))
    assert len(build_mail(mail, inline_images=(logo,))) < 40_000
