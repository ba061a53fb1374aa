"""Texts for the people who look after customers: tickets, their updates, alerts, and the mail of last resort."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from nps_connect.records.responses import AnsweredContact, Response, Segment, segment_of
from nps_connect.wording.catalogs import known, render, translations
from nps_connect.wording.cleaning import comment, one_line
from nps_connect.wording.dates import day, minute
from nps_connect.wording.shapes import Wording
from nps_connect.wording.typesetting import typeset

__all__ = ["Wording", "alert", "fallback", "overdue", "ticket", "ticket_update"]

LONGEST_HISTORY = 10


def ticket(
    *, language: str, company: str, answered: AnsweredContact, deadline: datetime | None, zone: ZoneInfo
) -> Wording:
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
    tongue = known(language)
    _ = translations(tongue).gettext
    subject = _("Your feedback to %(company)s") % {"company": one_line(company)}
    values = {
        **_shown(answered, tongue),
        "answered_at": minute(answered.response.answered_at, zone, tongue),
        "deadline": minute(deadline, zone, tongue) if deadline else None,
        "link": answered.contact.link,
        "history": [
            {
                "day": day(earlier.answered_at.astimezone(zone), tongue),
                "score": earlier.score,
                "touchpoint": one_line(earlier.touchpoint),
                "comment": one_line(earlier.comment or ""),
            }
            for earlier in answered.history[:LONGEST_HISTORY]
        ],
        "older": max(0, len(answered.history) - LONGEST_HISTORY),
    }
    return _wording("ticket", tongue, subject, values)


def ticket_update(
    *, language: str, answered: AnsweredContact, previous_score: int | None, asked_again: bool = False
) -> Wording:
    """The private comment that tells an open ticket what changed.

    Args:
        language: the company's own.
        answered: the newest answer.
        previous_score: the score that the ticket knows; none (or the same score) means that only the comment is new.
        asked_again: the answer is not a changed one but another, to the survey that followed the solved ticket.
    """
    tongue = known(language)
    _ = translations(tongue).gettext
    changed = previous_score is not None and previous_score != answered.response.score
    recovered = changed and previous_score is not None and segment_of(previous_score) == "detractor"
    values = {
        **_shown(answered, tongue),
        "previous_score": previous_score if changed else None,
        "recovered": recovered and answered.response.segment != "detractor",
        "asked_again": asked_again,
    }
    return _wording("ticket-update", tongue, _("The customer changed the answer"), values)


def alert(*, language: str, answered: AnsweredContact, link: str | None) -> Wording:
    """The alert that reaches a person now; the subject is a title that says it all on one line.

    Args:
        language: the company's own.
        answered: the answer and who gave it.
        link: where to act (the ticket or the person's record), or none.
    """
    tongue = known(language)
    _ = translations(tongue).gettext
    title = _("NPS %(score)s: %(customer)s (%(touchpoint)s)") % _title_parts(answered.response, answered)
    return _wording("alert", tongue, title, {**_shown(answered, tongue), "link": link or answered.contact.link})


def overdue(
    *, language: str, answered: AnsweredContact, deadline: datetime, zone: ZoneInfo, link: str | None
) -> Wording:
    """The one reminder to staff that a promised answer is late.

    Args:
        language: the company's own.
        answered: the answer and who gave it.
        deadline: until when an answer has been promised.
        zone: the company's time zone.
        link: the ticket, or the person's record, or none.
    """
    tongue = known(language)
    _ = translations(tongue).gettext
    title = _("Overdue: NPS %(score)s, %(customer)s (%(touchpoint)s)") % _title_parts(answered.response, answered)
    return _wording(
        "overdue", tongue, title, {**_shown(answered, tongue), "deadline": minute(deadline, zone, tongue), "link": link}
    )


def fallback(*, language: str, company: str, answered: AnsweredContact, problem: str) -> Wording:
    """The mail to the fallback address when a ticket or an alert could not be delivered.

    Args:
        language: the company's own.
        company: the name that customers know.
        answered: the answer that nobody has been told of.
        problem: what failed, one sentence free of secrets.
    """
    tongue = known(language)
    _ = translations(tongue).gettext
    title = _("Not delivered, please act: NPS %(score)s, %(customer)s (%(touchpoint)s)")
    title %= _title_parts(answered.response, answered)
    values = {
        **_shown(answered, tongue),
        "company": one_line(company),
        "problem": one_line(problem, 500),
        "link": answered.contact.link,
    }
    return _wording("fallback", tongue, title, values)


def _customer(answered: AnsweredContact) -> str:
    contact = answered.contact
    return one_line(contact.name or "", 80) or contact.email or contact.id


def _title_parts(response: Response, answered: AnsweredContact) -> dict[str, object]:
    return {
        "score": response.score,
        "customer": _customer(answered),
        "touchpoint": one_line(response.touchpoint, 80),
    }


def _segment_name(segment: Segment, language: str) -> str:
    _ = translations(language).gettext
    names = {"promoter": _("promoter"), "passive": _("passive"), "detractor": _("detractor")}
    return names[segment]


def _shown(answered: AnsweredContact, language: str) -> dict[str, object]:
    contact, response = answered.contact, answered.response
    words = comment(response.comment)
    return {
        "customer": _customer(answered),
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


def _wording(template: str, language: str, subject: str, values: dict[str, object]) -> Wording:
    return Wording(
        subject=one_line(subject, 250),
        text=render(f"{template}.txt.j2", language, **values).strip() + "\n",
        language=language,
    )
