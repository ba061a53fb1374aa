"""Before deciding: the books of what has been taken, as the ledger has them now."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import func, or_, select
from sqlmodel import Session, col

from nps_connect.ledger.bulk_sql import in_list
from nps_connect.ledger.subjects import mailbox_subject, person_subject
from nps_connect.ledger.tables import ContactRow, CooldownRow, DecisionRow, EventRow, InvitationRow
from nps_connect.rules.limit_state import BASELINE_PERIOD, DeferredEvent, LimitState, Person
from nps_connect.services.context import Context
from nps_connect.services.invitations.daily_cap import COUNTED_STATES, build_due_counter


def load_limit_state(ctx: Context, session: Session, people: Iterable[Person]) -> LimitState:
    """The books as the ledger has them now, for these people."""
    now, limits, zone = ctx.clock(), ctx.settings.limits, ctx.settings.core.zone
    subjects = {subject for one in people for subject in one.subjects}
    books = LimitState(zone, build_due_counter(session, zone))
    query = select(col(CooldownRow.subject), col(CooldownRow.until))
    query = query.where(in_list(col(CooldownRow.subject), "subjects"), col(CooldownRow.until) > now)
    books.until = dict(session.execute(query, {"subjects": list(subjects)}).all())
    if ctx.shadow:
        for subject, due in _load_shadow_invitations(session, subjects, now - limits.cooldown):
            books.until[subject] = max(due + limits.cooldown, books.until.get(subject, due))
    if limits.when_blocked == "defer":
        books.waiting = _load_deferred(session, subjects)
    reached = select(col(InvitationRow.trigger), func.count()).where(
        col(InvitationRow.created_at) > now - limits.unusual_within, col(InvitationRow.state).in_(COUNTED_STATES)
    )
    books.counted = dict(session.execute(reached.group_by(col(InvitationRow.trigger))).all())
    books.earlier = _build_baseline_counter(session, now, limits.unusual_within)
    return books


def _build_baseline_counter(session: Session, now: datetime, within: timedelta) -> Callable[[str], int]:
    """Counts, once for each trigger that is asked about, whom it reached in the weeks before the present time."""

    @cache
    def count(trigger: str) -> int:
        query = (
            select(func.count())
            .select_from(InvitationRow)
            .where(
                col(InvitationRow.created_at) > now - BASELINE_PERIOD,
                col(InvitationRow.created_at) <= now - within,
                col(InvitationRow.trigger) == trigger,
                col(InvitationRow.state).in_(COUNTED_STATES),
            )
        )
        return int(session.execute(query).scalar_one())

    return count


def _load_deferred(session: Session, subjects: Iterable[str]) -> dict[str, DeferredEvent]:
    """The newest event of each person that waits for the end of a cooldown."""
    ids = [int(subject[2:]) for subject in subjects if subject.startswith("c:")]
    query = (
        select(col(DecisionRow.contact_id), col(EventRow.occurred_at), col(EventRow.key))
        .join(EventRow, col(EventRow.id) == col(DecisionRow.event_id))
        .where(
            in_list(col(DecisionRow.contact_id), "ids"),
            col(DecisionRow.verdict) == "deferred",
            col(DecisionRow.reason) == "cooldown",
        )
        .order_by(col(EventRow.occurred_at), col(EventRow.key))
    )
    found = session.execute(query, {"ids": ids}).all()
    return {person_subject(contact_id): DeferredEvent(occurred_at, key) for contact_id, occurred_at, key in found}


def _load_shadow_invitations(session: Session, subjects: Iterable[str], since: datetime) -> list[tuple[str, datetime]]:
    """Surveys that were decided on but not sent, as if they had been: each with a subject that they cool down."""
    ids = [int(subject[2:]) for subject in subjects if subject.startswith("c:")]
    hashes = [subject[2:] for subject in subjects if subject.startswith("m:")]
    query = (
        select(col(InvitationRow.contact_id), col(ContactRow.mailbox), col(InvitationRow.due_at))
        .join(ContactRow, col(ContactRow.id) == col(InvitationRow.contact_id))
        .where(
            col(InvitationRow.state) == "shadow",
            col(InvitationRow.due_at) > since,
            or_(in_list(col(InvitationRow.contact_id), "ids"), in_list(col(ContactRow.mailbox), "hashes")),
        )
    )
    found = []
    for contact_id, hashed, due in session.execute(query, {"ids": ids, "hashes": hashes}).all():
        found += [(person_subject(contact_id), due)] + ([(mailbox_subject(hashed), due)] if hashed else [])
    return found
