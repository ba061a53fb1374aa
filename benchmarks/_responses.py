"""A ledger with very many responses, for the benchmark of the console."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from nps_connect.ledger.cases import CaseRow
from nps_connect.ledger.columns import Base
from nps_connect.ledger.daily_figures import CountedResponse, Figure, add_to_figures, response_figures
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.subjects import mailbox_hash
from nps_connect.ledger.tables import ContactRow, DeliveryRow, InvitationRow, PageViewRow, ResponseRow
from nps_connect.ledger.upserts import insert_many
from nps_connect.rules.dimensions import DimensionRules
from nps_connect.services.responses.dimensions import insert_groups
from nps_connect.services.responses.figure_settings import record_figure_settings

DAYS = 3 * 365
CONTACTS = 200_000
SHOPS, OWNERS = 20, 100
RECENT = timedelta(days=90)
"""Only so far back there are unanswered surveys, mails and page views."""

UNANSWERED_PER_RESPONSE = 2
BATCH = 5_000
SCORES = (10, 9, 9, 8, 7, 10, 6, 9, 10, 3, 8, 9, 10, 0, 10, 7, 9, 5, 10, 8)
COMMENTS = ("Accueil chaleureux, merci.", "Livraison en retard.", "Trop cher.", "Très bon produit, je recommande.")
ZONE = ZoneInfo("Europe/Paris")


def insert_history(ledger: Ledger, responses: int, now: datetime, rules: DimensionRules) -> None:
    """Insert responses over three years with everything that the console reads of them, and their daily figures."""
    for rows in _batches(_contact(number) for number in range(1, CONTACTS + 1)):
        _insert(ledger, ContactRow, rows)
    combinations: Counter[CountedResponse] = Counter()
    step = timedelta(days=DAYS) / responses
    for first in range(1, responses + 1, BATCH):
        numbers = range(first, min(first + BATCH, responses + 1))
        moments = {number: now - step * (responses + 1 - number) for number in numbers}
        _insert(ledger, InvitationRow, [_invitation(number, moments[number]) for number in numbers])
        rows = [_response(number, moments[number]) for number in numbers]
        _insert(ledger, ResponseRow, rows)
        groups = {number: _groups(number) for number in numbers}
        with ledger.write() as session:
            insert_groups(session, groups)
        detractors = [row for row in rows if row["score"] <= 6]
        _insert(ledger, CaseRow, [_case(row, now) for row in detractors if now - row["answered_at"] < RECENT])
        for row in rows:
            day = row["answered_at"].replace(hour=12, minute=0, second=0, microsecond=0)
            names = ("survey", "touchpoint", "language", "collected_by", "score", "scale")
            columns = {name: row[name] for name in names}
            combinations[CountedResponse(day, **columns, groups=groups[row["id"]])] += 1
        recent = [number for number in numbers if now - moments[number] < RECENT]
        _insert_surveys(ledger, recent, moments, responses)
    figures: Counter[Figure] = Counter()
    for counted, number in combinations.items():
        for figure in response_figures(ZONE, counted):
            figures[figure] += number
    with ledger.write() as session:
        add_to_figures(session, figures)
        record_figure_settings(session, ZONE, rules)


def _insert_surveys(ledger: Ledger, numbers: Sequence[int], moments: Mapping[int, datetime], responses: int) -> None:
    """Insert mails and page views of recent surveys, and the surveys that nobody answered."""
    views, deliveries, unanswered = [], [], []
    for number in numbers:
        views.append({"purpose": "survey", "invitation_id": number, "method": "GET", "at": moments[number]})
        deliveries.append(_delivery(number, moments[number]))
        for copy in range(UNANSWERED_PER_RESPONSE):
            invitation_id = responses + number * UNANSWERED_PER_RESPONSE + copy
            unanswered.append(_invitation(invitation_id, moments[number]))
            deliveries.append(_delivery(invitation_id, moments[number]))
    _insert(ledger, InvitationRow, unanswered)
    _insert(ledger, PageViewRow, views)
    _insert(ledger, DeliveryRow, deliveries)


def _insert(ledger: Ledger, table: type[Base], rows: Sequence[dict[str, Any]]) -> None:
    with ledger.write() as session:
        insert_many(session, table, rows)


def _batches(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH:
            yield batch
            batch = []
    yield batch


def _contact(number: int) -> dict[str, Any]:
    email = f"person{number}@example.com"
    record = {"connection": "crm", "id": str(number), "email": email, "name": f"Person {number}"}
    return {
        "id": number, "connection": "crm", "vendor_id": str(number), "email": email, "mailbox": mailbox_hash(email),
        "name": record["name"], "language": "fr", "record": record, "opted_out": False,
    }  # fmt: skip


def _contact_of(number: int) -> int:
    return number * 7919 % CONTACTS + 1


def _invitation(number: int, answered_at: datetime) -> dict[str, Any]:
    sent_at = answered_at - timedelta(hours=1 + number % 40)
    return {
        "id": number, "public_id": f"{number:032x}", "survey": "after-purchase", "touchpoint": "purchase",
        "trigger": "t", "contact_id": _contact_of(number), "language": "fr", "state": "sent", "created_at": sent_at,
        "due_at": sent_at, "sent_at": sent_at, "expires_at": sent_at + timedelta(days=60),
    }  # fmt: skip


def _response(number: int, answered_at: datetime) -> dict[str, Any]:
    return {
        "id": number, "public_id": hashlib.sha256(str(number).encode()).hexdigest()[:32], "invitation_id": number,
        "contact_id": _contact_of(number), "survey": "after-purchase", "touchpoint": "purchase",
        "scale": "nps-0-10", "revision": 1, "score": SCORES[number * 31 % len(SCORES)],
        "comment": COMMENTS[number // 5 % len(COMMENTS)] if number % 5 == 0 else None,
        "language": "en" if number % 6 == 0 else "fr", "do_not_contact": False, "answered_at": answered_at,
        "collected_by": "phone" if number % 20 == 0 else "web",
    }  # fmt: skip


def _groups(number: int) -> tuple[tuple[str, str], ...]:
    shop, owner = number * 13 % SHOPS, number * 17 % OWNERS
    return (("location", f"Shop {shop}"), ("owner", f"Adviser {owner}"), ("team", f"team-{shop}"))


def _case(response: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    opened = response["answered_at"]
    is_solved = now - opened > timedelta(days=10)
    return {
        "response_id": response["id"], "contact_id": response["contact_id"], "connection": "helpdesk",
        "ticket_id": str(response["id"]), "state": "solved" if is_solved else "open", "opened_at": opened,
        "deadline": opened + timedelta(days=2), "solved_at": opened + timedelta(days=1) if is_solved else None,
    }  # fmt: skip


def _delivery(invitation_id: int, answered_at: datetime) -> dict[str, Any]:
    at = answered_at - timedelta(hours=1 + invitation_id % 40)
    return {
        "key": f"send_survey-{invitation_id}", "queue_name": "mail/send_survey", "state": "succeeded", "due_at": at,
        "connection": "mail", "action": "send_survey", "options": {}, "created_at": at, "first_started_at": at,
        "finished_at": at, "contact_id": _contact_of(invitation_id), "invitation_id": invitation_id,
        "receipt_id": f"<{invitation_id}@example.com>",
    }  # fmt: skip
