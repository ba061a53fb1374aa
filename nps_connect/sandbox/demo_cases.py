"""Cases of the demo as staff have left them: most are solved, some are due today, one is late since yesterday."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Any

from nps_connect.ledger.cases import CaseEntryRow, CaseRow
from nps_connect.records.responses import segment_of
from nps_connect.sandbox.demo_purchases import DemoPurchase
from nps_connect.sandbox.demo_rows import DemoHistory, answered_at, delivery_of
from nps_connect.services.deliveries.factory import enqueue_deliveries

DEADLINE_AFTER = timedelta(days=2)
DAYS_UNTIL_DUE = (1, 0, 0, 1, 2, -1)
"""When the newest cases are due, in days from today; all older cases are solved."""

REMEDIES = (["apology"], ["explanation"], ["apology", "compensation"], ["apology", "fix"])


def insert_cases(history: DemoHistory, confirmed: Sequence[DemoPurchase]) -> int:
    """Store the scores written to the CRM, and tickets and cases of detractors; return the number of cases."""
    helpdesk, answers = history.names.helpdesk, [item for item in confirmed if item.outcome == "answered"]
    deliveries = [delivery_of(history, item, history.names.crm, "write_score", answered_at(item)) for item in answers]
    detractors = [item for item in answers if segment_of(item.score or 0) == "detractor"]
    if helpdesk is not None:
        deliveries += [delivery_of(history, p, helpdesk, "open_ticket", answered_at(p)) for p in detractors]
        newest = sorted(detractors, key=answered_at, reverse=True)[: len(DAYS_UNTIL_DUE)]
        due = {p.number: _due(history, days) for p, days in zip(newest, DAYS_UNTIL_DUE, strict=False)}
        rows = [_case(history, purchase, helpdesk, due.get(purchase.number)) for purchase in detractors]
        stored = history.insert(CaseRow, rows, "response_id", "id")
        case_ids: dict[int, int] = dict(map(tuple, stored))
        history.insert(CaseEntryRow, [_entry(case_ids[row["response_id"]], row) for row in rows if _has_entry(row)])
    enqueue_deliveries(history.session, deliveries, history.now)
    return len(detractors) if helpdesk is not None else 0


def _due(history: DemoHistory, days: int) -> datetime:
    """Return 18:00 of a day from today on; what is due today is due one hour from now at the earliest."""
    zone = history.ctx.settings.core.zone
    now = history.now.astimezone(zone)
    due = datetime.combine(now.date() + timedelta(days=days), time(18), zone)
    if days == 0:
        end_of_day = datetime.combine(now.date(), time(23, 59), zone)
        due = max(due, min(now + timedelta(hours=1), end_of_day))
    return due.astimezone(history.now.tzinfo)


def _case(history: DemoHistory, purchase: DemoPurchase, helpdesk: str, due: datetime | None) -> dict[str, Any]:
    """Return a case: open until it is due, else solved after some hours or days; one of four has a better score."""
    opened, number = answered_at(purchase), purchase.number
    is_solved = due is None
    solved = min(opened + timedelta(hours=6 + number * 7 % 90), history.now)
    recovered = solved + timedelta(days=8)
    is_recovered = is_solved and number % 4 == 1 and recovered < history.now
    promised = opened + DEADLINE_AFTER
    is_call_agreed = due is not None and due > promised
    return {
        "response_id": history.responses[number],
        "contact_id": history.contacts[purchase.email],
        "connection": helpdesk,
        "ticket_id": str(5000 + number),
        "owner": purchase.adviser,
        "state": "solved" if is_solved else "open",
        "opened_at": opened,
        "deadline": promised if due is None or is_call_agreed else due,
        "next_contact_at": due if is_call_agreed else None,
        "changed_at": solved if is_solved else None,
        "solved_at": solved if is_solved else None,
        "remedies": REMEDIES[number % len(REMEDIES)] if is_solved else None,
        "first_reply_minutes": 60 + number % 9 * 30 if is_solved else None,
        "solve_minutes": int((solved - opened).total_seconds() // 60) if is_solved else None,
        "overdue_notified_at": history.now,
        "escalated_at": history.now,
        "recovered_at": recovered if is_recovered else None,
        "recovered_score": 9 if is_recovered else None,
    }


def _has_entry(row: dict[str, Any]) -> bool:
    return row["state"] == "solved" or row["next_contact_at"] is not None


def _entry(case_id: int, row: dict[str, Any]) -> dict[str, Any]:
    """Return what staff did last: they solved the case, or did not reach the customer and will call again."""
    is_solved = row["state"] == "solved"
    return {
        "case_id": case_id,
        "at": row["solved_at"] if is_solved else row["opened_at"] + timedelta(hours=1),
        "kind": "solved" if is_solved else "called",
        "actor_kind": "console",
        "actor_name": "claire@example.com",
        "call_outcome": None if is_solved else "call_again",
        "next_contact_at": row["next_contact_at"],
        "remedies": row["remedies"],
    }
