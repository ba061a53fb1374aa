"""Texts for the people who look after customers: tickets, their updates, alerts, and the mail of last resort."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from nps_connect.records.responses import ContactResponse, Response, Segment, segment_of
from nps_connect.rendering.catalogs import load_translations, render_template, supported_language
from nps_connect.rendering.dates import format_datetime, format_day
from nps_connect.rendering.models import RenderedText
from nps_connect.rendering.sanitization import one_line, sanitize_comment
from nps_connect.rendering.typography import typeset

__all__ = ["RenderedText", "render_alert", "render_fallback", "render_overdue", "render_ticket", "render_ticket_update"]

MAX_HISTORY = 10


def render_ticket(
    *, language: str, company: str, answered: ContactResponse, deadline: datetime | None, zone: ZoneInfo
) -> RenderedText:
    """The ticket of a detractor.

    The subject may be seen by the customer (helpdesks quote it in every mail): no score, no comment, no blame. The body
    is for staff.

    Args:
        language: the company's own.
        company: the name that customers know.
        answered: the answer and who gave it; `contact.link` leads to the person's record.
        deadline: until when an answer has been promised, or none.
        zone: the company's time zone, in which moments are told.
    """
    tongue = supported_language(language)
    _ = load_translations(tongue).gettext
    subject = _("Your feedback to %(company)s") % {"company": one_line(company)}
    values = {
        **_template_values(answered, tongue),
        "answered_at": format_datetime(answered.response.answered_at, zone, tongue),
        "deadline": format_datetime(deadline, zone, tongue) if deadline else None,
        "link": answered.contact.link,
        "history": [
            {
                "day": format_day(earlier.answered_at.astimezone(zone), tongue),
                "score": earlier.score,
                "touchpoint": one_line(earlier.touchpoint),
                "comment": one_line(earlier.comment or ""),
            }
            for earlier in answered.history[:MAX_HISTORY]
        ],
        "older": max(0, len(answered.history) - MAX_HISTORY),
    }
    return _render_text("ticket", tongue, subject, values)


def render_ticket_update(
    *, language: str, answered: ContactResponse, previous_score: int | None, is_recovery_survey: bool = False
) -> RenderedText:
    """The private comment that tells an open ticket what changed.

    Args:
        language: the company's own.
        answered: the newest answer.
        previous_score: the score that the ticket knows; none (or the same score) means that only the comment is new.
        is_recovery_survey: the answer is not a changed one but another, to the survey that followed the solved ticket.
    """
    tongue = supported_language(language)
    _ = load_translations(tongue).gettext
    changed = previous_score is not None and previous_score != answered.response.score
    recovered = changed and previous_score is not None and segment_of(previous_score) == "detractor"
    values = {
        **_template_values(answered, tongue),
        "previous_score": previous_score if changed else None,
        "recovered": recovered and answered.response.segment != "detractor",
        "is_recovery_survey": is_recovery_survey,
    }
    return _render_text("ticket-update", tongue, _("The customer changed the answer"), values)


def render_alert(*, language: str, answered: ContactResponse, link: str | None) -> RenderedText:
    """The alert that reaches a person now; the subject is a title that says it all on one line.

    Args:
        language: the company's own.
        answered: the answer and who gave it.
        link: where to act (the ticket or the person's record), or none.
    """
    tongue = supported_language(language)
    _ = load_translations(tongue).gettext
    title = _("NPS %(score)s: %(customer)s (%(touchpoint)s)") % _title_parts(answered.response, answered)
    return _render_text(
        "alert", tongue, title, {**_template_values(answered, tongue), "link": link or answered.contact.link}
    )


def render_overdue(
    *, language: str, answered: ContactResponse, deadline: datetime, zone: ZoneInfo, link: str | None
) -> RenderedText:
    """The one reminder to staff that a promised answer is late.

    Args:
        language: the company's own.
        answered: the answer and who gave it.
        deadline: until when an answer has been promised.
        zone: the company's time zone.
        link: the ticket, or the person's record, or none.
    """
    tongue = supported_language(language)
    _ = load_translations(tongue).gettext
    title = _("Overdue: NPS %(score)s, %(customer)s (%(touchpoint)s)") % _title_parts(answered.response, answered)
    return _render_text(
        "overdue",
        tongue,
        title,
        {**_template_values(answered, tongue), "deadline": format_datetime(deadline, zone, tongue), "link": link},
    )


def render_fallback(*, language: str, company: str, answered: ContactResponse, problem: str) -> RenderedText:
    """The mail to the fallback address when a ticket or an alert could not be delivered.

    Args:
        language: the company's own.
        company: the name that customers know.
        answered: the answer that nobody has been told of.
        problem: what failed, one sentence free of secrets.
    """
    tongue = supported_language(language)
    _ = load_translations(tongue).gettext
    title = _("Not delivered, please act: NPS %(score)s, %(customer)s (%(touchpoint)s)")
    title %= _title_parts(answered.response, answered)
    values = {
        **_template_values(answered, tongue),
        "company": one_line(company),
        "problem": one_line(problem, 500),
        "link": answered.contact.link,
    }
    return _render_text("fallback", tongue, title, values)


def _customer_label(answered: ContactResponse) -> str:
    contact = answered.contact
    return one_line(contact.name or "", 80) or contact.email or contact.id


def _title_parts(response: Response, answered: ContactResponse) -> dict[str, object]:
    return {
        "score": response.score,
        "customer": _customer_label(answered),
        "touchpoint": one_line(response.touchpoint, 80),
    }


def _segment_name(segment: Segment, language: str) -> str:
    _ = load_translations(language).gettext
    names = {"promoter": _("promoter"), "passive": _("passive"), "detractor": _("detractor")}
    return names[segment]


def _template_values(answered: ContactResponse, language: str) -> dict[str, object]:
    contact, response = answered.contact, answered.response
    words = sanitize_comment(response.comment)
    return {
        "customer": _customer_label(answered),
        "mailbox": contact.email,
        "score": response.score,
        "segment": _segment_name(response.segment, language),
        "survey": response.survey,
        "touchpoint": one_line(response.touchpoint),
        "comment_lines": words.split("\n") if words else [],
        "follow_up": [
            {"question": typeset(one_line(one.question), language), "answer": one_line(one.answer, 1000)}
            for one in response.follow_up
        ],
        "do_not_contact": response.do_not_contact,
        "answer_language": response.language,
    }


def _render_text(template: str, language: str, subject: str, values: dict[str, object]) -> RenderedText:
    return RenderedText(
        subject=one_line(subject, 250),
        text=render_template(f"{template}.txt.j2", language, **values).strip() + "\n",
        language=language,
    )
