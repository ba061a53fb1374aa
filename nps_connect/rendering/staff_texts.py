"""Texts for customer-service staff: tickets, their updates, alerts, overdue reminders, and the fallback mail."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from nps_connect.records.responses import ContactResponse, segment_of
from nps_connect.rendering.catalogs import (
    elide_company,
    render_template,
    translator,
    typeset,
)
from nps_connect.rendering.labels import (
    format_datetime,
    format_day,
    language_label,
    segment_label,
    touchpoint_label,
)
from nps_connect.rendering.mails import RenderedText
from nps_connect.sanitization import disarm_links, disarm_mentions, one_line, sanitize_comment

MAX_HISTORY = 10


def render_ticket(
    *,
    language: str,
    company: str,
    answered: ContactResponse,
    deadline: datetime | None,
    zone: ZoneInfo,
    owner: str | None = None,
) -> RenderedText:
    """Render the ticket of a detractor.

    Helpdesks quote the subject in mails to the customer: it holds no score, no comment and no blame. Only staff see the
    body.

    Args:
        language: the company's own.
        company: the name that customers know.
        answered: the response and its contact; `contact.link` leads to the person's record.
        deadline: until when the customer is to be contacted, or None.
        zone: the company's time zone, for all times.
        owner: address of the contact's owner in the CRM, or None.
    """
    tongue, _ = translator(language)
    subject = _("Your feedback to %(company)s") % {"company": one_line(company)}
    history: list[dict[str, object]] = []
    for earlier in answered.history[:MAX_HISTORY]:
        day = format_day(earlier.answered_at.astimezone(zone), tongue)
        touchpoint, comment = touchpoint_label(earlier.touchpoint, tongue), one_line(earlier.comment or "")
        history.append({"day": day, "score": earlier.score, "touchpoint": touchpoint, "comment": comment})
    values = {
        **_template_values(answered, tongue),
        "answered_at": format_datetime(answered.response.answered_at, zone, tongue),
        "deadline": format_datetime(deadline, zone, tongue) if deadline else None,
        "history": history,
        "older_count": max(0, len(answered.history) - MAX_HISTORY),
        "owner": owner,
    }
    return _render_text("ticket", tongue, subject, values)


def render_ticket_update(
    *, language: str, answered: ContactResponse, previous_score: int | None, is_recovery_survey: bool = False
) -> RenderedText:
    """Render the private comment that reports a changed response on an open ticket.

    Args:
        language: the company's own.
        answered: the newest response.
        previous_score: the score on the ticket; None or an equal score means that only the comment is new.
        is_recovery_survey: the response belongs to the survey that followed the solved ticket.
    """
    tongue, _ = translator(language)
    changed = previous_score is not None and previous_score != answered.response.score
    recovered = changed and previous_score is not None and segment_of(previous_score) == "detractor"
    values = {
        **_template_values(answered, tongue),
        "customer": None,  # the ticket names the customer
        "previous_score": previous_score if changed else None,
        "recovered": recovered and answered.response.segment != "detractor",
        "is_recovery_survey": is_recovery_survey,
    }
    return _render_text("ticket-update", tongue, _("The customer changed their response"), values)


def render_alert(
    *,
    language: str,
    answered: ContactResponse,
    ticket_link: str | None,
    deadline: datetime | None,
    zone: ZoneInfo,
    owner: str | None = None,
    case_link: str | None = None,
) -> RenderedText:
    """Render the alert to staff; the subject is a complete title on one line.

    Mentions and links in the customer's own words are disarmed: alerts go to chat services.

    Args:
        language: the company's own.
        answered: the response and its contact; `contact.link` leads to the person's record.
        ticket_link: to the ticket, or None.
        deadline: until when the customer is to be contacted, or None.
        zone: the company's time zone.
        owner: address of the contact's owner in the CRM, or None.
        case_link: to the case in the console, or None.
    """
    answered = _disarm(answered)
    tongue, _ = translator(language)
    title = _("NPS %(score)s: %(customer)s (%(touchpoint)s)") % _title_values(answered, tongue)
    due = format_datetime(deadline, zone, tongue) if deadline else None
    values = {"deadline": due, "ticket_link": ticket_link, "case_link": case_link, "owner": owner}
    return _render_text("alert", tongue, title, {**_template_values(answered, tongue), **values})


def render_overdue(
    *,
    language: str,
    answered: ContactResponse,
    deadline: datetime,
    zone: ZoneInfo,
    has_ticket: bool = True,
    ticket_link: str | None,
    owner: str | None = None,
    case_link: str | None = None,
) -> RenderedText:
    """Render the reminder to staff that a case is past its deadline; an alert as in `render_alert`.

    Args:
        language: the company's own.
        answered: the response and its contact; `contact.link` leads to the person's record.
        deadline: until when the customer was to be contacted.
        zone: the company's time zone.
        has_ticket: the case has a ticket at a helpdesk.
        ticket_link: to the ticket, or None.
        owner: address of the member of staff who has the case, or None.
        case_link: to the case in the console, or None.
    """
    answered = _disarm(answered)
    tongue, _ = translator(language)
    title = _("Overdue: NPS %(score)s, %(customer)s (%(touchpoint)s)") % _title_values(answered, tongue)
    values: dict[str, object] = {"ticket_link": ticket_link, "owner": owner, "has_ticket": has_ticket}
    values["case_link"] = case_link
    values["deadline"] = format_datetime(deadline, zone, tongue)
    return _render_text("overdue", tongue, title, {**_template_values(answered, tongue), **values})


def render_fallback(
    *,
    language: str,
    company: str,
    answered: ContactResponse,
    problem: str,
    finding: str | None,
    ticket_link: str | None,
) -> RenderedText:
    """Render the mail to the fallback address when a ticket or an alert could not be delivered.

    Args:
        language: the company's own.
        company: the name that customers know.
        answered: the response and its contact.
        problem: the failed delivery, one line from `notices.render_delivery_problem`.
        finding: the id of its kind, see `records.finding_kinds`; None if it has none.
        ticket_link: to the ticket, if there is one.
    """
    tongue, _ = translator(language)
    title = _("Delivery failed, action needed: NPS %(score)s, %(customer)s (%(touchpoint)s)")
    title %= _title_values(answered, tongue)
    values = {
        **_template_values(answered, tongue),
        "company": one_line(company),
        "problem": one_line(problem, 500),
        "finding": finding,
        "ticket_link": ticket_link,
    }
    rendered = _render_text("fallback", tongue, title, values)
    return rendered.model_copy(update={"text": elide_company(rendered.text, one_line(company), tongue)})


def render_notice(*, language: str, company: str, url: str, problem: str, finding: str | None) -> RenderedText:
    """Render the mail to the fallback address about something that concerns no single customer.

    Args:
        language: the company's own.
        company: the name that customers know.
        url: the public address of this installation.
        problem: the text of `notices`; its first sentence is the subject.
        finding: the id of its kind, see `records.finding_kinds`; None if it has none.
    """
    tongue, _ = translator(language)
    title = _("%(company)s: %(problem)s")
    subject = title % {"company": one_line(company), "problem": problem.partition(". ")[0]}
    return _render_text("notice", tongue, subject, {"problem": problem, "finding": finding, "url": url})


def _disarm(answered: ContactResponse) -> ContactResponse:
    """Return the response with mentions and links disarmed in all texts that the customer can write."""
    contact, response = answered.contact, answered.response
    mailbox = disarm_mentions(contact.email) if contact.email else None
    name, comment = (disarm_links(disarm_mentions(text)) if text else None for text in (contact.name, response.comment))
    follow_up = tuple(
        answer.model_copy(update={"answer": disarm_links(disarm_mentions(answer.answer))})
        for answer in response.follow_up
    )
    return answered.model_copy(
        update={
            "contact": contact.model_copy(update={"name": name, "email": mailbox}),
            "response": response.model_copy(update={"comment": comment, "follow_up": follow_up}),
        }
    )


def _customer_label(answered: ContactResponse) -> str:
    contact = answered.contact
    return one_line(contact.name or "", 80) or contact.email or contact.id


def _title_values(answered: ContactResponse, language: str) -> dict[str, object]:
    return {
        "score": answered.response.score,
        "customer": _customer_label(answered),
        "touchpoint": touchpoint_label(answered.response.touchpoint, language),
    }


def _template_values(answered: ContactResponse, language: str) -> dict[str, object]:
    contact, response = answered.contact, answered.response
    comment = sanitize_comment(response.comment)
    follow_up: list[dict[str, str]] = []
    for answer in response.follow_up:
        question = typeset(one_line(answer.question), language)
        follow_up.append({"question": question, "answer": one_line(answer.answer, 1000)})
    return {
        "customer": _customer_label(answered),
        "mailbox": contact.email,
        "link": contact.link,
        "score": response.score,
        "segment": segment_label(response.segment, language),
        "survey": touchpoint_label(response.survey, language),
        "touchpoint": touchpoint_label(response.touchpoint, language),
        "comment_lines": comment.split("\n") if comment else [],
        "follow_up": follow_up,
        "do_not_contact": response.do_not_contact,
        "response_language": language_label(response.language, language),
    }


def _render_text(template: str, language: str, subject: str, values: dict[str, object]) -> RenderedText:
    return RenderedText(
        subject=one_line(subject, 250),
        text=render_template(f"{template}.txt.j2", language, **values).strip() + "\n",
        language=language,
    )
