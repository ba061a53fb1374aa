"""Mails to customers: the survey with its eleven scores, and the review invitation."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from nps_connect.records.base import Record
from nps_connect.rendering.catalogs import (
    elide_company,
    render_template,
    translator,
    typeset,
)
from nps_connect.rendering.colours import build_palette
from nps_connect.rendering.labels import format_day, standard_question, survey_reason
from nps_connect.sanitization import one_line, sanitize_greeting_name


class Logo(Record):
    """The inline logo of a mail.

    Attributes:
        content_id: of the MIME part.
        width, height: display size in pixels.
    """

    content_id: str
    width: int
    height: int


class Sender(Record):
    """The company as the sender of a mail.

    Attributes:
        company: the name that customers know.
        help_address: where customers can reply; people read it.
        privacy_notice_url: the privacy notice.
        postal_address: one or several lines for the footer, or None.
        colour: of buttons and links.
        logo: for the header; None shows the company's name.
        signed_by: the signature, or None for the company's name.
    """

    company: str
    help_address: str
    privacy_notice_url: str
    postal_address: str | None = None
    colour: str = "#174ea6"
    logo: Logo | None = None
    signed_by: str | None = None


class RenderedText(Record):
    """A rendered text.

    Attributes:
        subject: one line without control characters.
        text: the complete plain text.
        html: the HTML alternative, or None for texts to staff.
        language: the language of the text.
    """

    subject: str
    text: str
    html: str | None = None
    language: str


def render_survey_mail(
    *,
    language: str,
    sender: Sender,
    name: str | None,
    touchpoint: str,
    question: str | None,
    survey_url: str,
    unsubscribe_url: str,
    expires_at: datetime,
    reminder: bool = False,
    confirm: int | None = None,
    test: bool = False,
) -> RenderedText:
    """Render the survey mail: eleven scores, who asks and why, who sees the response, how to unsubscribe.

    Args:
        language: as chosen by `catalogs.choose_language`; English if it has no catalogue.
        sender: the company.
        name: for the greeting, or None.
        touchpoint: label of the moment that the survey asks about; see `labels.survey_reason`.
        question: the survey's own question in that language; None for the standard one.
        survey_url: the personal link, without a score.
        unsubscribe_url: the personal link to unsubscribe.
        expires_at: when the link expires; the mail names the day in the time zone of this value.
        reminder: the person has been surveyed before and has not responded.
        confirm: the score whose link was opened but not submitted: the mail asks for a confirmation.
        test: marks the mail as a test that is not counted.
    """
    tongue, _ = translator(language)
    company = one_line(sender.company)
    subject = _("One question from %(company)s") if question else _("Would you recommend %(company)s?")
    subject %= {"company": company}
    if confirm is not None:
        subject = _("You chose %(score)s: please confirm") % {"score": confirm}
    elif reminder:
        subject = _("Reminder: %(subject)s") % {"subject": subject}
    if test:
        subject = _("[Test] %(subject)s") % {"subject": subject}
    values = {
        "subject": subject,
        "reason": survey_reason(touchpoint, company, tongue),
        "question": typeset(question, tongue) if question else standard_question(company, tongue),
        "survey_url": survey_url,
        "unsubscribe_url": unsubscribe_url,
        "last_day": format_day(expires_at, tongue),
        "reminder": reminder and confirm is None,
        "confirm": confirm,
        "signed_by": typeset(one_line(sender.signed_by), tongue) if sender.signed_by else company,
        "test": test,
    }
    return _render_mail("survey", tongue, sender, name, values)


def render_review_mail(
    *,
    language: str,
    sender: Sender,
    name: str | None,
    lead: Literal["review", "help"],
    platform: str,
    review_url: str,
    unsubscribe_url: str,
    reminder: bool = False,
) -> RenderedText:
    """Render the mail after a response; both kinds hold the same link to the review page.

    Args:
        language: as chosen by `catalogs.choose_language`.
        sender: the company.
        name: for the greeting, or None.
        lead: `review`: the mail is the invitation; `help`: thanks and help come first, the same link below.
        platform: what customers call the review platform.
        review_url: the link to its page.
        unsubscribe_url: the personal link to unsubscribe.
        reminder: the same mail has been sent before and its link was not opened.
    """
    tongue, _ = translator(language)
    company = one_line(sender.company)
    subject = (
        _("Thank you! Would you share your experience of %(company)s?")
        if lead == "review"
        else _("Thank you for your answer")
    )
    subject %= {"company": company}
    if reminder:
        subject = _("Reminder: %(subject)s") % {"subject": subject}
    values = {
        "subject": subject,
        "platform": one_line(platform),
        "review_url": review_url,
        "unsubscribe_url": unsubscribe_url,
    }
    return _render_mail(f"review-{lead}", tongue, sender, name, values)


def _render_mail(
    template: str, language: str, sender: Sender, name: str | None, values: Mapping[str, object]
) -> RenderedText:
    _tongue, _ = translator(language)
    company, safe_name = one_line(sender.company), sanitize_greeting_name(name)
    template_values = {
        **values,
        "greeting": _("Hello %(name)s,") % {"name": safe_name} if safe_name else _("Hello,"),
        "company": company,
        "help_address": sender.help_address,
        "privacy_notice_url": sender.privacy_notice_url,
        "colours": build_palette(sender.colour),
        "logo": sender.logo,
        "postal_lines": list(filter(None, map(str.strip, (sender.postal_address or "").splitlines()))),
    }
    text = render_template(f"{template}.txt.j2", language, **template_values).strip() + "\n"
    html = render_template(f"{template}.html.j2", language, **template_values)
    return RenderedText(
        subject=one_line(str(values["subject"]), 250),
        text=elide_company(text, company, language),
        html=elide_company(html, company, language),
        language=language,
    )
