"""Sending: everything is read again right before a review mail goes out, and what becomes of it is accounted for.

Here the person's place is taken: whoever goes out first has it, whatever other answers have planned.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlmodel import Session

from nps_connect.flows.context import Context
from nps_connect.flows.reviewing.choosing import asked_before, subjects, within_cooldown
from nps_connect.flows.reviewing.reminding import is_reminder, opened, plan_reminder
from nps_connect.flows.reviewing.waiting import Wait, wait_of
from nps_connect.ledger import accounts, asks
from nps_connect.ledger.tables import ContactRow, DeliveryRow


def hindrance(ctx: Context, session: Session, row: DeliveryRow, contact: ContactRow) -> Wait | str | None:
    """Why a review mail does not go out now: until when it waits, or why it never will; none if it may go.

    Args:
        ctx: the joined parts.
        session: the transaction in which the start is noted.
        row: the claimed delivery.
        contact: the person as they are now, after all merges.
    """
    reminder = is_reminder(row)
    if reminder and opened(session, row):
        return "the review link was opened"
    wait = wait_of(ctx, session, row, contact)
    if wait is not None:
        return wait  # without the place: another answer's mail may go out before it
    row.hold = None
    return None if reminder else _take_place(ctx, session, row, contact)


def settled(ctx: Context, session: Session, row: DeliveryRow, values: Mapping[str, Any], now: datetime) -> set[str]:
    """What the ending of a review mail means for the person's place, the accounts and the reminder.

    Returns the lanes that have new work.
    """
    response_id, platform = row.response_id or 0, row.options["platform"]
    if values["state"] == "succeeded":
        asks.confirm(session, response_id, platform, until=now + ctx.settings.reviews.cooldown)
        accounts.mark(session, response_id, platform, "sent")
        return plan_reminder(ctx, session, row, now)
    if values["state"] in ("cancelled", "skipped", "dead"):
        asks.free(session, response_id, platform)
    return set()


def _take_place(ctx: Context, session: Session, row: DeliveryRow, contact: ContactRow) -> str | None:
    """Take the person's place for an answer; where another answer has it, why it is not to be had."""
    now, names, platform = ctx.clock(), subjects(session, contact), row.options["platform"]
    until = now + ctx.settings.reviews.cooldown
    savepoint = session.begin_nested()
    if asks.reserve(session, asks.places(names, platform, response_id=row.response_id or 0, until=until), now=now):
        savepoint.commit()
        return None
    savepoint.rollback()
    others = [one for one in asks.known(session, names) if one.response_id != row.response_id]
    cooldown = asks.blocked_until(others, now=now)
    if platform in asks.asked(others) or cooldown is None:
        return asked_before({platform})
    return within_cooldown(cooldown)
