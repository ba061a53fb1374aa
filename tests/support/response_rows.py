"""Responses written in bulk, for tests about figures: one row per answer, with its facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from typing import NamedTuple

from nps_connect.ledger.response_dimensions import ResponseDimensionRow
from nps_connect.ledger.tables import ContactRow, InvitationRow, ResponseRow
from nps_connect.ledger.upserts import insert_many
from nps_connect.rules.timing import utc_at
from nps_connect.services.context import Context
from nps_connect.services.operations.figures import correct_figures
from nps_connect.services.responses.figure_settings import record_figure_settings


class Answer(NamedTuple):
    """One response.

    Attributes:
        person: number of the contact; several answers may have one.
        day: of the company's zone, at noon.
        facts: values of dimensions.
        chosen: choice of the follow-up question `reason`.
    """

    person: int
    day: date
    score: int
    facts: Mapping[str, str] = {}
    touchpoint: str = "after-purchase"
    chosen: str | None = None
    comment: str | None = None


def store_answers(ctx: Context, answers: Iterable[Answer]) -> None:
    """Store answers with their contacts, invitations, teams and daily figures; call it once."""
    answers = list(answers)
    moments = [utc_at(answer.day, time(12), ctx.settings.core.zone) for answer in answers]
    people = sorted({answer.person for answer in answers})
    with ctx.ledger.write() as session:
        insert_many(session, ContactRow, [_contact(person) for person in people])
        rows = [_rows(number, answer, at) for number, (answer, at) in enumerate(zip(answers, moments, strict=True), 1)]
        insert_many(session, InvitationRow, [invitation for invitation, _ in rows])
        insert_many(session, ResponseRow, [response for _, response in rows])
        facts = [
            {"response_id": number, "name": name, "value": value}
            for number, answer in enumerate(answers, 1)
            for name, value in answer.facts.items()
        ]
        insert_many(session, ResponseDimensionRow, facts)
        record_figure_settings(session, ctx.settings.core.zone, ctx.dimensions)
    correct_figures(ctx.ledger, ctx.settings.core.zone, ctx.dimensions)


def _contact(person: int) -> dict[str, object]:
    email = f"person{person}@example.com"
    return {
        "id": person, "connection": "crm", "vendor_id": str(person), "email": email, "mailbox": f"{person:064x}",
        "name": f"Person {person}", "language": "fr", "opted_out": False, "record": {},
    }  # fmt: skip


def _rows(number: int, answer: Answer, at: datetime) -> tuple[dict[str, object], dict[str, object]]:
    shared = {
        "id": number, "survey": "after-purchase", "touchpoint": answer.touchpoint, "contact_id": answer.person,
        "language": "fr", "public_id": f"{number:032x}",
    }  # fmt: skip
    chosen = [] if answer.chosen is None else [{"name": "reason", "question": "Why?", "answer": answer.chosen}]
    invitation = {
        "trigger": "test", "state": "sent", "created_at": at, "due_at": at, "sent_at": at, "expires_at": at,
    }  # fmt: skip
    response = {
        "invitation_id": number, "scale": "nps-0-10", "revision": 1, "score": answer.score, "comment": answer.comment,
        "do_not_contact": False, "follow_up": chosen, "answered_at": at, "collected_by": "web",
    }  # fmt: skip
    return {**shared, **invitation}, {**shared, **response}
