"""Invite: every yes of a batch reserves its cooldown and gets its invitation and delivery, all in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, update
from sqlmodel import Session, col

from nps_connect.ledger import pauses
from nps_connect.ledger.columns import UtcDateTime
from nps_connect.ledger.cooldowns import CooldownRow
from nps_connect.ledger.tables import DeliveryRow, InvitationRow
from nps_connect.ledger.upserts import insert_for, insert_many
from nps_connect.records.deliveries import CancelCode, HoldCode, cancel_text
from nps_connect.rendering.languages import choose_language
from nps_connect.rules.routing import delivery_key
from nps_connect.rules.timing import link_expiry
from nps_connect.rules.trigger_decision import Person
from nps_connect.services.contacts.contact_batch import StoredContact
from nps_connect.services.context import Context, delivery_queue
from nps_connect.settings.model import Trigger

SHADOW_MODE_REASON = cancel_text(CancelCode.SHADOW)


class ReservationConflict(Exception):  # not an error: the batch is decided again
    """Another worker reserved one of the cooldowns in the meantime."""


@dataclass(frozen=True)
class ApprovedSurvey:
    """A survey that a trigger decided on.

    Attributes:
        event_id: id of the event behind it.
        event_ref: connection and key of that event, as ``connection:key``; part of the delivery key.
        contact: the stored contact.
        person: the subjects whose cooldown is reserved.
        trigger: the trigger that decided.
        due_at: when the survey mail is due.
    """

    event_id: int
    event_ref: str
    contact: StoredContact
    person: Person
    trigger: Trigger
    due_at: datetime


def create_invitations(ctx: Context, session: Session, approved_surveys: Sequence[ApprovedSurvey]) -> set[str]:
    """Carry out every yes; returns the queues that have work now.

    Raises:
        ReservationConflict: a cooldown is taken after all; nothing of the transaction may be kept.
    """
    if not approved_surveys:
        return set()
    now = ctx.clock()
    causes = ("id", "event_id", "trigger")
    added = insert_many(
        session, InvitationRow, [_invitation_columns(ctx, yes, now) for yes in approved_surveys], returning=causes
    )
    by_cause = {(event_id, trigger): one or 0 for one, event_id, trigger in added}
    ids = [by_cause[yes.event_id, yes.trigger.label] for yes in approved_surveys]
    if not ctx.shadow:
        _reserve_cooldowns(ctx, session, list(zip(approved_surveys, ids, strict=True)), now)
    paused = pauses.load_pauses(session)
    deliveries = [_delivery_columns(ctx, yes, one, paused, now) for yes, one in zip(approved_surveys, ids, strict=True)]
    insert_many(session, DeliveryRow, deliveries)
    return {row["queue_name"] for row in deliveries}


def _invitation_columns(ctx: Context, yes: ApprovedSurvey, now: datetime) -> dict[str, Any]:
    trigger = yes.trigger
    survey = ctx.settings.surveys[trigger.survey]
    return {
        "survey": trigger.survey,
        "touchpoint": trigger.touchpoint or survey.touchpoint or trigger.survey,
        "trigger": trigger.label,
        "contact_id": yes.contact.id,
        "event_id": yes.event_id,
        "language": choose_language(
            [trigger.language or yes.contact.language, survey.language], ctx.settings.core.languages
        ),
        "state": "shadow" if ctx.shadow else "planned",
        "reason": SHADOW_MODE_REASON if ctx.shadow else None,
        "created_at": now,
        "due_at": yes.due_at,
        "expires_at": link_expiry(yes.due_at, survey.expires_after, ctx.settings.core.zone),
    }


def _delivery_columns(
    ctx: Context, yes: ApprovedSurvey, invitation_id: int, paused: dict[str, Any], now: datetime
) -> dict[str, Any]:
    channel = ctx.settings.surveys[yes.trigger.survey].channel
    scope = pauses.survey_scope(yes.trigger.survey)
    state = "cancelled" if ctx.shadow else "held" if scope in paused else "pending"
    return {
        "key": delivery_key(action="send_survey", subject=yes.event_ref, revision=None, route=yes.trigger.label),
        "queue_name": delivery_queue(channel, "send_survey"),
        "connection": channel,
        "action": "send_survey",
        "state": state,
        "hold_code": HoldCode.SURVEY_PAUSED if state == "held" else None,
        "hold_detail": yes.trigger.survey if state == "held" else None,
        "cancel_code": CancelCode.SHADOW if ctx.shadow else None,
        "last_error": SHADOW_MODE_REASON if ctx.shadow else None,
        "finished_at": now if ctx.shadow else None,
        "due_at": yes.due_at,
        "contact_id": yes.contact.id,
        "invitation_id": invitation_id,
        "options": {},
        "created_at": now,
        "attempts": 0,
        "in_doubt": False,
    }


def _reserve_cooldowns(
    ctx: Context, session: Session, planned: Sequence[tuple[ApprovedSurvey, int]], now: datetime
) -> None:
    """Reserve every subject, sorted, so that workers never wait for each other in a circle.

    What the judge allowed within one batch is in the books already; only what another worker committed since can be in
    the way.
    """
    cooldown = ctx.settings.limits.cooldown
    forced: dict[str, dict[str, Any]] = {}
    wanted: dict[str, dict[str, Any]] = {}
    for yes, invitation_id in planned:
        for subject in yes.person.subjects:
            row = {
                "subject": subject,
                "until": yes.due_at + cooldown,
                "invitation_id": invitation_id,
                "confirmed": False,
            }
            exempt = yes.trigger.ignore_cooldown is not None or subject in wanted or subject in forced
            (forced if exempt else wanted)[subject] = row
    if wanted and _start_cooldowns(session, [wanted[subject] for subject in sorted(wanted)], now) < len(wanted):
        raise ReservationConflict
    for subject in sorted(forced):
        _extend_cooldown(session, forced[subject])


def _start_cooldowns(session: Session, rows: Sequence[dict[str, Any]], now: datetime) -> int:
    """Begin cooldowns where none runs; returns how many began."""
    return len(
        insert_many(session, CooldownRow, rows, on_conflict=_restart_if_expired, returning=("subject",), now=now)
    )


def _restart_if_expired(statement: Any) -> Any:  # noqa: ANN401  # two dialects' Insert
    over = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=["subject"],
        set_={
            "until": over.until,
            "invitation_id": over.invitation_id,
            "confirmed": over.confirmed,
        },
        where=col(CooldownRow.until) <= bindparam("now", type_=UtcDateTime()),
    )


def _extend_cooldown(session: Session, row: dict[str, Any]) -> None:
    """A trigger that may ignore the cooldown starts it anew, and never shortens it."""
    written = insert_for(session, CooldownRow).values(**row).on_conflict_do_nothing(index_elements=["subject"])
    if session.execute(written.returning(col(CooldownRow.subject))).scalar() is None:
        session.execute(
            update(CooldownRow)
            .where(col(CooldownRow.subject) == row["subject"], col(CooldownRow.until) < row["until"])
            .values(until=row["until"], invitation_id=row["invitation_id"])
            .execution_options(synchronize_session=False)
        )
