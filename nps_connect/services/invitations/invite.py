"""Create survey invitations: reserve the cooldown, write the invitation and its delivery, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any

from sqlalchemy import ColumnElement, bindparam, func, select
from sqlmodel import Session, col

from nps_connect.ledger import cooldowns, pauses
from nps_connect.ledger.columns import UtcDateTime
from nps_connect.ledger.cooldowns import CooldownRow
from nps_connect.ledger.pauses import PauseRow
from nps_connect.ledger.tables import InvitationRow
from nps_connect.ledger.upserts import insert_many
from nps_connect.records.actions import CancelCode, HoldCode, cancel_text
from nps_connect.rendering.catalogs import choose_language
from nps_connect.rules.limit_state import DueCounter
from nps_connect.rules.timing import link_expiry, utc_at
from nps_connect.rules.trigger_decision import Person
from nps_connect.services.contacts.contact_batch import StoredContact
from nps_connect.services.context import Context
from nps_connect.services.deliveries.factory import NewDelivery, enqueue_deliveries
from nps_connect.settings.model import Trigger

COUNTED_STATES = ("planned", "sent", "shadow")
"""States of invitations that count towards the cap of their day."""


class ReservationConflict(Exception):  # not an error: the batch is decided again
    """Another worker reserved one of the cooldowns since the decision."""


@dataclass(frozen=True)
class ApprovedSurvey:
    """A survey that a trigger decided on.

    Attributes:
        event_id: id of the event behind it.
        event_ref: connection and key of that event, as ``connection:key``; part of the delivery key.
        occurred_at: when that event happened.
        contact: the stored contact.
        person: the subjects whose cooldown is reserved.
        trigger: the trigger that decided.
        due_at: when the survey mail is due.
    """

    event_id: int
    event_ref: str
    occurred_at: datetime
    contact: StoredContact
    person: Person
    trigger: Trigger
    due_at: datetime


def create_invitations(ctx: Context, session: Session, approved_surveys: Sequence[ApprovedSurvey]) -> set[str]:
    """Create the invitations and deliveries of approved surveys; return the queues with new work.

    Raises:
        ReservationConflict: a cooldown is reserved by now; the transaction must be rolled back.
    """
    if not approved_surveys:
        return set()
    now = ctx.clock()
    rows = [_invitation_columns(ctx, approved, now) for approved in approved_surveys]
    inserted = insert_many(session, InvitationRow, rows, returning=("id", "event_id", "trigger"))
    id_by_cause: dict[tuple[int, str], int] = {}
    for invitation_id, event_id, label in inserted:
        id_by_cause[event_id, label] = invitation_id
    deliveries: list[NewDelivery] = []
    reserving: list[tuple[ApprovedSurvey, int]] = []
    paused = pauses.load_pauses(session)
    for approved in approved_surveys:
        invitation_id = id_by_cause[approved.event_id, approved.trigger.label]
        reserving.append((approved, invitation_id))
        deliveries.append(_build_delivery(ctx, approved, invitation_id, paused))
    if not ctx.shadow:
        _reserve_cooldowns(ctx, session, reserving, now)
    return enqueue_deliveries(session, deliveries, now).queue_names


def _invitation_columns(ctx: Context, approved: ApprovedSurvey, now: datetime) -> dict[str, Any]:
    trigger = approved.trigger
    survey = ctx.settings.surveys[trigger.survey]
    return {
        "public_id": ctx.new_public_id(),
        "survey": trigger.survey,
        "touchpoint": trigger.touchpoint or survey.touchpoint or trigger.survey,
        "trigger": trigger.label,
        "contact_id": approved.contact.id,
        "event_id": approved.event_id,
        "language": choose_language(
            [trigger.language or approved.contact.language, survey.language], ctx.settings.core.languages
        ),
        "state": "shadow" if ctx.shadow else "planned",
        "reason": cancel_text(CancelCode.SHADOW) if ctx.shadow else None,
        "created_at": now,
        "due_at": approved.due_at,
        "expires_at": link_expiry(approved.due_at, survey.expires_after, ctx.settings.core.zone),
    }


def _build_delivery(
    ctx: Context, approved: ApprovedSurvey, invitation_id: int, paused: Mapping[str, PauseRow]
) -> NewDelivery:
    is_held = pauses.survey_scope(approved.trigger.survey) in paused and not ctx.shadow
    restored = None if ctx.shadow else paused.get(pauses.RESTORED_SCOPE)
    # the database has lost what was sent before its restore, but the event is known again
    is_in_doubt = restored is not None and approved.occurred_at + approved.trigger.delay.wait <= restored.since
    return NewDelivery(
        connection=ctx.settings.surveys[approved.trigger.survey].channel,
        action="send_survey",
        subject=approved.event_ref,
        route=approved.trigger.label,
        due_at=approved.due_at,
        contact_id=approved.contact.id,
        invitation_id=invitation_id,
        hold_code=HoldCode.IN_DOUBT if is_in_doubt else HoldCode.SURVEY_PAUSED if is_held else None,
        hold_detail=approved.trigger.survey if is_held else None,
        cancel_code=CancelCode.SHADOW if ctx.shadow else None,
    )


def _reserve_cooldowns(
    ctx: Context, session: Session, approved_ids: Sequence[tuple[ApprovedSurvey, int]], now: datetime
) -> None:
    """Reserve every subject, in sorted order so that workers cannot deadlock.

    The decision has checked the cooldowns within its own batch; only reservations that another worker committed since
    then can conflict.
    """
    cooldown = ctx.settings.limits.cooldown
    exclusive: dict[str, dict[str, Any]] = {}
    extending: dict[str, tuple[int, datetime]] = {}
    for approved, invitation_id in approved_ids:
        until = approved.due_at + cooldown
        for subject in approved.person.subjects:
            if approved.trigger.ignore_cooldown is not None or subject in exclusive or subject in extending:
                extending[subject] = invitation_id, until
            else:
                values = {"subject": subject, "until": until, "invitation_id": invitation_id}
                exclusive[subject] = values
    if exclusive:
        rows = list(map(exclusive.__getitem__, sorted(exclusive)))
        if start_cooldowns(session, rows, now) < len(rows):
            raise ReservationConflict
    for subject, (invitation_id, until) in sorted(extending.items()):
        cooldowns.extend(session, subject, invitation_id=invitation_id, until=until)


def start_cooldowns(session: Session, rows: Sequence[dict[str, Any]], now: datetime) -> int:
    """Start cooldowns where none is running; return how many were started.

    Args:
        session: the transaction.
        rows: columns of `CooldownRow`, each subject once, sorted by subject.
        now: the present moment.
    """
    started = insert_many(session, CooldownRow, rows, on_conflict=_restart_if_expired, returning=("subject",), now=now)
    return len(started)


def _restart_if_expired(statement: Any) -> Any:  # noqa: ANN401  # two dialects' Insert
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=["subject"],
        set_={"until": new.until, "invitation_id": new.invitation_id},
        where=col(CooldownRow.until) <= bindparam("now", type_=UtcDateTime()),
    )


def count_invitations(session: Session, *conditions: ColumnElement[bool]) -> int:
    """Return the number of invitations that match all conditions."""
    return int(session.execute(select(func.count(col(InvitationRow.id))).where(*conditions)).scalar_one())


def build_due_counter(session: Session, zone: tzinfo, *, created_before: datetime | None = None) -> DueCounter:
    """Return a function that counts the surveys due (or sent) on a calendar day of the company.

    Args:
        session: for reading.
        zone: the company's.
        created_before: count only invitations created before this moment; None means no filter.
    """

    def count(trigger: str | None, day: date) -> int:
        conditions = [
            col(InvitationRow.due_at) >= utc_at(day, time(), zone),
            col(InvitationRow.due_at) < utc_at(day + timedelta(days=1), time(), zone),
            col(InvitationRow.state).in_(COUNTED_STATES),
        ]
        if trigger is not None:
            conditions.append(col(InvitationRow.trigger) == trigger)
        if created_before is not None:
            conditions.append(col(InvitationRow.created_at) < created_before)
        return count_invitations(session, *conditions)

    return count
