"""The survey question, and the sentence that says why this person is asked."""

from __future__ import annotations

from nps_connect.rendering.catalogs import load_translations
from nps_connect.rendering.labels import touchpoint_kind


def standard_question(company: str, language: str) -> str:
    """Return the Net Promoter question with the company's name."""
    _ = load_translations(language).gettext
    return _("How likely are you to recommend %(company)s to a friend or colleague?") % {"company": company}


def survey_reason(touchpoint: str, company: str, language: str) -> str:
    """Return one sentence that says why this person is asked.

    A touchpoint label is the operator's own text in one language. If it names a well-known moment, the sentence names
    that moment in the reader's language; else it stays general, so that no internal label is shown.
    """
    _ = load_translations(language).gettext
    sentences = {
        "purchase": _("You recently bought something from %(company)s, and we would like to know how it went."),
        "support": _("You recently asked %(company)s for help, and we would like to know how it went."),
        "delivery": _("You recently received a delivery from %(company)s, and we would like to know how it went."),
        "onboarding": _("You recently became a customer of %(company)s, and we would like to know how it is going."),
    }
    general = _("You were recently in touch with %(company)s, and we would like to know how it went.")
    return sentences.get(touchpoint_kind(touchpoint) or "", general) % {"company": company}
