"""The question, and why this person is asked."""

from __future__ import annotations

import re

from nps_connect.rendering.catalogs import load_translations

# Words of a touchpoint's label that tell which moment is meant.
_TOUCHPOINT_KINDS = {
    "purchase": "purchase",
    "purchases": "purchase",
    "order": "purchase",
    "deal": "purchase",
    "achat": "purchase",
    "commande": "purchase",
    "support": "support",
    "ticket": "support",
    "helpdesk": "support",
    "assistance": "support",
    "delivery": "delivery",
    "livraison": "delivery",
    "onboarding": "onboarding",
}


def standard_question(company: str, language: str) -> str:
    """The question of the Net Promoter Score with the company's name."""
    _ = load_translations(language).gettext
    return _("How likely are you to recommend %(company)s to a friend or colleague?") % {"company": company}


def survey_reason(touchpoint: str, company: str, language: str) -> str:
    """One sentence that says why this person is asked.

    The label of a touchpoint is the operator's own word, in one language. Where it names a well-known moment, the
    sentence names that moment in the reader's language; else it stays general, so that no internal label is shown.
    """
    _ = load_translations(language).gettext
    sentences = {
        "purchase": _("You recently bought something from %(company)s, and we would like to know how it went."),
        "support": _("You recently asked %(company)s for help, and we would like to know how it went."),
        "delivery": _("You recently received a delivery from %(company)s, and we would like to know how it went."),
        "onboarding": _(
            "You recently started as a customer of %(company)s, and we would like to know how it is going."
        ),
    }
    general = _("You recently had dealings with %(company)s, and we would like to know how it went.")
    words = re.split(r"[\W_]+", touchpoint.casefold())
    moment = next((_TOUCHPOINT_KINDS[word] for word in words if word in _TOUCHPOINT_KINDS), None)
    return sentences.get(moment or "", general) % {"company": company}
