"""Values as people read them: dates, and names of actions, touchpoints, segments, languages, failures."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from nps_connect.records.actions import Action
from nps_connect.records.base import Segment
from nps_connect.rendering.catalogs import load_translations
from nps_connect.sanitization import one_line

if TYPE_CHECKING:  # commands that only read show no label
    from babel import Locale

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
"""Words in an operator's touchpoint label, and the moment that they mean."""


def touchpoint_kind(touchpoint: str) -> str | None:
    """Return the well-known moment that a touchpoint label names: purchase, support, delivery, onboarding, or None."""
    words = re.split(r"[\W_]+", touchpoint.casefold())
    for word in words:
        if word in _TOUCHPOINT_KINDS:
            return _TOUCHPOINT_KINDS[word]
    return None


def touchpoint_label(touchpoint: str, language: str) -> str:
    """Return the touchpoint in the reader's language; an unknown one as the operator wrote it, with spaces."""
    _ = load_translations(language).gettext
    labels = {
        "purchase": _("after a purchase"),
        "support": _("after a support request"),
        "delivery": _("after a delivery"),
        "onboarding": _("after onboarding"),
    }
    return labels.get(touchpoint_kind(touchpoint) or "") or readable_name(touchpoint)


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


def readable_name(slug: str) -> str:
    """Return a configured name with spaces in place of dashes and underscores."""
    return one_line(re.sub(r"[-_]+", " ", slug), 80)


def segment_label(segment: Segment, language: str) -> str:
    """Return the name of a segment."""
    _ = load_translations(language).gettext
    return {"promoter": _("promoter"), "passive": _("passive"), "detractor": _("detractor")}[segment]


def language_label(tag: str, language: str) -> str:
    """Return the name of the language `tag` in `language`, such as `French`; an unknown tag unchanged."""
    from babel import Locale

    try:
        name = Locale.parse(tag.replace("-", "_")).get_display_name(language.replace("-", "_"))
    except ValueError:
        name = None
    return name or tag


def action_label(action: Action, language: str) -> str:
    """Return the name of an action."""
    _ = load_translations(language).gettext
    labels: dict[Action, str] = {
        "send_fallback": _("mail to staff"),
        "send_case_reminder": _("reminder of an overdue case"),
        "open_ticket": _("ticket creation"),
        "update_ticket": _("ticket update"),
        "send_alert": _("alert to staff"),
        "send_survey": _("survey mail"),
        "send_reminder": _("reminder mail"),
        "write_score": _("score update"),
        "invite_review": _("review invitation"),
        "write_opt_out": _("opt-out update"),
        "erase_contact": _("erasure of a contact"),
        "write_case_outcome": _("case outcome update"),
        "send_webhook": _("webhook to another system"),
        "send_digest": _("digest to staff"),
    }
    return labels[action]


def failure_label(kind: str | None, language: str) -> str:
    """Return why a delivery has not succeeded, by the kind of its error (`DeliveryError.kind`) or its hold code."""
    _ = load_translations(language).gettext
    labels = {
        None: _("not attempted yet"),
        "retry_later": _("the service is temporarily unavailable"),
        "rate_limited": _("the service's quota is used up"),
        "in_doubt": _("the outcome is unknown"),
        "auth_failed": _("the credentials are refused"),
        "not_allowed": _("a permission is missing"),
        "setup_missing": _("fields that we need are missing there"),
        "target_gone": _("the record no longer exists"),
        "rejected": _("the service refused the request"),
        "undeliverable": _("the mailbox does not exist"),
        "plugin": _("the plugin does not work as required"),
        "duplicate_receipt": _("the plugin does not work as required"),
        "waits_for_ticket": _("its ticket is not open yet"),
    }
    return labels.get(kind) or _("unexpected error")


def format_day(moment: datetime, language: str) -> str:
    """Return the calendar day in the time zone of `moment`, such as `3 March 2026`; in French the first is `1er`."""
    from babel.dates import format_date

    text = format_date(moment.date(), "long", locale=find_locale(language))
    return f"1er{text[1:]}" if moment.day == 1 and language.partition("-")[0] == "fr" else text


def format_datetime(moment: datetime, zone: ZoneInfo, language: str) -> str:
    """Return day, minute and zone, such as `3 March 2026, 14:05 (Europe/Paris)`."""
    from babel.dates import format_time

    local = moment.astimezone(zone)
    time = format_time(local.timetz(), "HH:mm", locale=find_locale(language))
    return f"{format_day(local, language)}, {time} ({zone.key})"


def find_locale(language: str) -> Locale:
    """Return the locale by which days and numbers are written in a language."""
    from babel import Locale

    # British English: day before month, unambiguous outside America.
    return Locale.parse("en_GB" if language == "en" else language.replace("-", "_"))
