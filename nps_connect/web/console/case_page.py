"""What the page of a case shows: the customer, how to reach them, what they bought and said, and what was done."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlmodel import Session, col

from nps_connect.ledger.tables import ContactRow, EventRow, InvitationRow, ResponseRow
from nps_connect.records.actions import REMEDIES
from nps_connect.rendering.case_texts import entry_sentence, remedy_label
from nps_connect.rendering.labels import language_label
from nps_connect.services.cases.call_list import contact_fields, phone_number
from nps_connect.services.cases.case_list import case_query, case_state, due_at
from nps_connect.services.cases.history import load_entries
from nps_connect.services.cases.ticket_notes import entry_facts, is_ticket_state_shared
from nps_connect.services.reports.response_list import load_dimensions
from nps_connect.web.console.console_page import ConsolePage

MAX_EARLIER = 5
_NOT_DIALLED = re.compile(r"[^\d+]")


@dataclass(frozen=True)
class HistoryLine:
    """What was done, by whom."""

    at: datetime
    who: str
    sentence: str
    text: str | None


@dataclass(frozen=True)
class CaseView:
    """A case as its page shows it.

    Attributes:
        phone, dial: the number as it is stored, and for a ``tel:`` link.
        may_be_contacted: false if the customer asked not to be contacted about the response.
        facts: labels and values of `cases.facts`, such as what was bought.
        earlier: earlier responses: moment, score, comment.
        is_ticket_shared: solving the case here solves its ticket.
    """

    public_id: str
    score: int
    comment: str | None
    follow_up: Sequence[object]
    answered_at: datetime
    name: str | None
    email: str | None
    phone: str | None
    dial: str | None
    language: str
    shop: str | None
    may_be_contacted: bool
    facts: Sequence[tuple[str, str]]
    earlier: Sequence[tuple[datetime, int, str | None]]
    state: str
    is_open: bool
    is_overdue: bool
    due_at: datetime | None
    next_contact_at: datetime | None
    assigned_to: str | None
    remedies: Sequence[str]
    recovered_score: int | None
    has_ticket: bool
    is_ticket_shared: bool
    ticket_link: str | None
    history: Sequence[HistoryLine]


def build_case_view(
    page: ConsolePage, session: Session, public_id: str, conditions: Sequence[ColumnElement[bool]]
) -> CaseView | None:
    """Return the case of a response; None if there is none that the viewer may see."""
    row = session.execute(case_query().where(col(ResponseRow.public_id) == public_id, *conditions)).first()
    if row is None:
        return None
    case, response, contact, ticket_link = row
    zone, state = page.ctx.settings.core.zone, case_state(case, page.now)
    history = [
        HistoryLine(
            at=entry.at,
            who=entry.actor_name,
            sentence=entry_sentence(entry_facts(entry), page.language, zone) if entry.kind != "note" else "",
            text=entry.text,
        )
        for entry in reversed(load_entries(session, [case.id]))
    ]
    phone, due = phone_number(page.ctx, contact), due_at(case)
    return CaseView(
        public_id=response.public_id,
        score=response.score or 0,
        comment=response.comment,
        follow_up=response.follow_up,
        answered_at=response.answered_at,
        name=contact.name,
        email=contact.email,
        phone=phone,
        dial=_NOT_DIALLED.sub("", phone) or None if phone is not None else None,
        language=language_label(contact.language or response.language, page.language),
        shop=load_dimensions(session, [response.id]).get(response.id, {}).get("location"),
        may_be_contacted=not response.do_not_contact,
        facts=_load_facts(page, session, response, contact),
        earlier=_load_earlier(session, response),
        state=state,
        is_open=case.state == "open",
        is_overdue=case.state == "open" and due is not None and due <= page.now,
        due_at=due,
        next_contact_at=case.next_contact_at,
        assigned_to=case.assigned_to,
        remedies=[remedy_label(remedy, page.language) for remedy in REMEDIES if remedy in (case.remedies or ())],
        recovered_score=case.recovered_score,
        has_ticket=case.ticket_id is not None,
        is_ticket_shared=is_ticket_state_shared(page.ctx, case),
        ticket_link=ticket_link,
        history=history,
    )


def _load_facts(
    page: ConsolePage, session: Session, response: ResponseRow, contact: ContactRow
) -> list[tuple[str, str]]:
    """Return the configured facts that are known, of the event that led to the survey, else of the contact."""
    configured = page.ctx.settings.cases.facts
    if not configured:
        return []
    query = select(col(EventRow.record)).join(InvitationRow, col(InvitationRow.event_id) == col(EventRow.id))
    record = session.execute(query.where(col(InvitationRow.id) == response.invitation_id)).scalar() or {}
    fields = contact_fields(contact) | (record.get("fields") or {})
    return [(label, str(fields[name])) for label, name in configured.items() if fields.get(name) not in (None, "")]


def _load_earlier(session: Session, response: ResponseRow) -> list[tuple[datetime, int, str | None]]:
    query = (
        select(col(ResponseRow.answered_at), col(ResponseRow.score), col(ResponseRow.comment))
        .where(
            col(ResponseRow.contact_id) == response.contact_id,
            col(ResponseRow.id) != response.id,
            col(ResponseRow.revision) > 0,
            col(ResponseRow.score).is_not(None),
            col(ResponseRow.answered_at).is_not(None),
        )
        .order_by(col(ResponseRow.answered_at).desc())
        .limit(MAX_EARLIER)
    )
    return [(at, score, comment) for at, score, comment in session.execute(query)]
