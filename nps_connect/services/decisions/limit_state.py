"""Load cooldowns and counts from the ledger for a batch of decisions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta
from functools import cache
from itertools import chain
from operator import attrgetter
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlmodel import Session, col

from nps_connect.ledger.bulk_sql import in_list
from nps_connect.ledger.cooldowns import CooldownRow
from nps_connect.ledger.subjects import contact_subjects, person_subject
from nps_connect.ledger.tables import ContactRow, DecisionRow, EventRow, InvitationRow
from nps_connect.rules.limit_state import BASELINE_PERIOD, DeferredEvent, LimitState
from nps_connect.rules.trigger_decision import Person
from nps_connect.services.context import Context
from nps_connect.services.invitations.invite import COUNTED_STATES, build_due_counter, count_invitations

OPEN_INVITATION_STATES = ("planned", "sent")
"""States of invitations whose mail was sent or will be."""


def load_limit_state(
    ctx: Context, session: Session, people: Iterable[Person], recurring: Collection[str] = ()
) -> LimitState:
    """Load the limits as they are now for decisions about these people, and the last of these recurring surveys."""
    now, limits, zone = ctx.clock(), ctx.settings.limits, ctx.settings.core.zone
    subjects = set(chain.from_iterable(map(attrgetter("subjects"), people)))
    running = select(col(CooldownRow.subject), col(CooldownRow.until)).where(
        in_list(col(CooldownRow.subject), "subjects"), col(CooldownRow.until) > now
    )
    reached = select(col(InvitationRow.trigger), func.count()).where(
        col(InvitationRow.created_at) > now - limits.unusual_within, col(InvitationRow.state).in_(COUNTED_STATES)
    )
    state = LimitState(
        zone,
        build_due_counter(session, zone),
        cooldown_ends=dict(session.execute(running, {"subjects": list(subjects)}).all()),
        reached_before=dict(session.execute(reached.group_by(col(InvitationRow.trigger))).all()),
        baseline_reached=_build_baseline_counter(session, now, limits.unusual_within),
        deferred=_load_deferred(session, subjects) if limits.when_blocked == "defer" or recurring else {},
        last_surveys=_load_last_surveys(ctx, session, subjects, recurring) if recurring else {},
    )
    if ctx.shadow:
        _add_shadow_cooldowns(session, state, subjects, limits.cooldown, now)
    return state


def _build_baseline_counter(session: Session, now: datetime, within: timedelta) -> Callable[[str], int]:
    """Return a function that counts whom a trigger reached in `BASELINE_PERIOD`, without the latest `within`."""

    @cache
    def count(trigger: str) -> int:
        return count_invitations(
            session,
            col(InvitationRow.created_at) > now - BASELINE_PERIOD,
            col(InvitationRow.created_at) <= now - within,
            col(InvitationRow.trigger) == trigger,
            col(InvitationRow.state).in_(COUNTED_STATES),
        )

    return count


def _load_deferred(session: Session, subjects: Iterable[str]) -> dict[str, DeferredEvent]:
    """The newest event of each contact that waits for the end of a cooldown, by subject of the contact."""
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
    rows = session.execute(query, {"ids": _contact_ids(subjects)}).all()
    return {person_subject(contact_id): DeferredEvent(occurred_at, key) for contact_id, occurred_at, key in rows}


def _add_shadow_cooldowns(
    session: Session, state: LimitState, subjects: Iterable[str], cooldown: timedelta, now: datetime
) -> None:
    """Treat surveys that were decided in shadow mode as sent: they start a cooldown too."""
    query = (
        select(col(InvitationRow.contact_id), col(ContactRow.mailbox), col(InvitationRow.due_at))
        .join(ContactRow, col(ContactRow.id) == col(InvitationRow.contact_id))
        .where(
            col(InvitationRow.state) == "shadow",
            col(InvitationRow.due_at) > now - cooldown,
            or_(in_list(col(InvitationRow.contact_id), "ids"), in_list(col(ContactRow.mailbox), "hashes")),
        )
    )
    hashes = [subject[2:] for subject in subjects if subject.startswith("m:")]
    for contact_id, mailbox, due_at in session.execute(query, {"ids": _contact_ids(subjects), "hashes": hashes}).all():
        for subject in contact_subjects(contact_id, mailbox):
            state.cooldown_ends[subject] = max(due_at + cooldown, state.cooldown_ends.get(subject, due_at))


def _load_last_surveys(
    ctx: Context, session: Session, subjects: Iterable[str], surveys: Collection[str]
) -> dict[tuple[str, str], datetime]:
    """Return when each of these surveys was sent last to each subject, or is due, by survey and subject."""
    last_surveys: dict[tuple[str, str], datetime] = {}
    by_contact = last_survey_query(ctx).add_columns(col(InvitationRow.survey)).group_by(col(InvitationRow.survey))
    by_contact = by_contact.where(col(InvitationRow.survey).in_(surveys))
    for contact_id, last, survey in session.execute(by_contact, {"ids": _contact_ids(subjects)}):
        last_surveys[survey, person_subject(contact_id)] = last
    hashes = [subject[2:] for subject in subjects if subject.startswith("m:")]
    by_mailbox = (
        select(col(InvitationRow.mailbox), col(InvitationRow.survey), func.max(col(InvitationRow.sent_at)))
        .where(in_list(col(InvitationRow.mailbox), "hashes"), col(InvitationRow.survey).in_(surveys))
        .where(col(InvitationRow.sent_at).is_not(None))
        .group_by(col(InvitationRow.mailbox), col(InvitationRow.survey))
    )
    for mailbox, survey, last in session.execute(by_mailbox, {"hashes": hashes}):
        last_surveys[survey, f"m:{mailbox}"] = last
    return last_surveys


def last_survey_query(ctx: Context) -> Select[*tuple[Any, ...]]:
    """Return the query for the last survey of contacts, sent or due: contact id and moment; parameter `ids`."""
    states = (*OPEN_INVITATION_STATES, "imported", *(("shadow",) if ctx.shadow else ()))
    return (
        select(
            col(InvitationRow.contact_id),
            func.max(func.coalesce(col(InvitationRow.sent_at), col(InvitationRow.due_at))).label("last"),
        )
        .where(in_list(col(InvitationRow.contact_id), "ids"), col(InvitationRow.state).in_(states))
        .group_by(col(InvitationRow.contact_id))
    )


def _contact_ids(subjects: Iterable[str]) -> list[int]:
    return [int(subject[2:]) for subject in subjects if subject.startswith("c:")]
