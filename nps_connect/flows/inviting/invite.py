"""Invite: every yes of a batch reserves its cooldown and gets its invitation and delivery, all in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, update
from sqlmodel import Session, col

from nps_connect.flows.context import Context, delivery_lane
from nps_connect.flows.deciding.gathering import Known
from nps_connect.flows.deciding.taking import Taken
from nps_connect.ledger import pauses
from nps_connect.ledger.columns import UtcDateTime
from nps_connect.ledger.tables import CooldownRow, DeliveryRow, InvitationRow
from nps_connect.ledger.upserts import insert_for, insert_many
from nps_connect.rules.deciding import Ruling
from nps_connect.rules.judging import Person
from nps_connect.rules.routing import delivery_key
from nps_connect.rules.timing import expiry
from nps_connect.settings.model import Trigger
from nps_connect.wording.languages import choose

SHADOWED = "mode is shadow: decided and recorded, not sent"


class Raced(Exception):  # not an error: the batch is decided again
    """Another worker reserved one of the cooldowns in the meantime."""


@dataclass(frozen=True)
class Yes:
    """One survey that was decided on."""

    event: Taken
    contact: Known
    person: Person
    trigger: Trigger
    ruling: Ruling

    @property
    def due(self) -> datetime:
        """When its mail is due."""
        return self.ruling.due_at or self.event.received_at


def invite_all(ctx: Context, session: Session, yeses: Sequence[Yes]) -> set[str]:
    """Carry out every yes; returns the lanes that have work now.

    Raises:
        Raced: a cooldown is taken after all; nothing of the transaction may be kept.
    """
    if not yeses:
        return set()
    now = ctx.clock()
    causes = ("id", "event_id", "trigger")
    added = insert_many(session, InvitationRow, [_invitation(ctx, yes, now) for yes in yeses], returning=causes)
    by_cause = {(event_id, trigger): one or 0 for one, event_id, trigger in added}
    ids = [by_cause[yes.event.id, yes.trigger.label] for yes in yeses]
    if not ctx.shadow:
        _reserve(ctx, session, list(zip(yeses, ids, strict=True)), now)
    paused = pauses.current(session)
    deliveries = [_delivery(ctx, yes, one, paused, now) for yes, one in zip(yeses, ids, strict=True)]
    insert_many(session, DeliveryRow, deliveries)
    return {row["lane"] for row in deliveries}


def _invitation(ctx: Context, yes: Yes, now: datetime) -> dict[str, Any]:
    trigger = yes.trigger
    survey = ctx.settings.surveys[trigger.survey]
    return {
        "survey": trigger.survey,
        "touchpoint": trigger.touchpoint or survey.touchpoint or trigger.survey,
        "trigger": trigger.label,
        "contact_id": yes.contact.id,
        "event_id": yes.event.id,
        "language": choose([trigger.language or yes.contact.language, survey.language], ctx.settings.core.languages),
        "state": "shadow" if ctx.shadow else "planned",
        "reason": SHADOWED if ctx.shadow else None,
        "created_at": now,
        "due_at": yes.due,
        "expires_at": expiry(yes.due, survey.expires_after, ctx.settings.core.zone),
    }


def _delivery(ctx: Context, yes: Yes, invitation_id: int, paused: dict[str, Any], now: datetime) -> dict[str, Any]:
    channel = ctx.settings.surveys[yes.trigger.survey].channel
    scope = pauses.of_survey(yes.trigger.survey)
    subject = f"{yes.event.connection}:{yes.event.key}"
    state = "cancelled" if ctx.shadow else "held" if scope in paused else "pending"
    return {
        "key": delivery_key(action="send_survey", subject=subject, revision=None, route=yes.trigger.label),
        "lane": delivery_lane(channel, "send_survey"),
        "connection": channel,
        "action": "send_survey",
        "state": state,
        "hold": scope if state == "held" else None,
        "last_error": SHADOWED if ctx.shadow else None,
        "finished_at": now if ctx.shadow else None,
        "due_at": yes.due,
        "contact_id": yes.contact.id,
        "invitation_id": invitation_id,
        "options": {},
        "created_at": now,
        "attempts": 0,
        "doubtful": False,
    }


def _reserve(ctx: Context, session: Session, planned: Sequence[tuple[Yes, int]], now: datetime) -> None:
    """Reserve every subject, sorted, so that workers never wait for each other in a circle.

    What the judge allowed within one batch is in the books already; only what another worker committed since can be in
    the way.
    """
    cooldown = ctx.settings.limits.cooldown
    forced: dict[str, dict[str, Any]] = {}
    wanted: dict[str, dict[str, Any]] = {}
    for yes, invitation_id in planned:
        for subject in yes.person.subjects:
            row = {"subject": subject, "until": yes.due + cooldown, "invitation_id": invitation_id, "confirmed": False}
            exempt = yes.trigger.ignore_cooldown is not None or subject in wanted or subject in forced
            (forced if exempt else wanted)[subject] = row
    if wanted and _take(session, [wanted[subject] for subject in sorted(wanted)], now) < len(wanted):
        raise Raced
    for subject in sorted(forced):
        _extend(session, forced[subject])


def _take(session: Session, rows: Sequence[dict[str, Any]], now: datetime) -> int:
    """Begin cooldowns where none runs; returns how many began."""
    return len(insert_many(session, CooldownRow, rows, clash=_unless_running, returning=("subject",), now=now))


def _unless_running(statement: Any) -> Any:  # noqa: ANN401  # two dialects' Insert
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


def _extend(session: Session, row: dict[str, Any]) -> None:
    """A trigger that may ignore the cooldown starts it anew, and never shortens it."""
    written = insert_for(session, CooldownRow).values(**row).on_conflict_do_nothing(index_elements=["subject"])
    if session.execute(written.returning(col(CooldownRow.subject))).scalar() is None:
        session.execute(
            update(CooldownRow)
            .where(col(CooldownRow.subject) == row["subject"], col(CooldownRow.until) < row["until"])
            .values(until=row["until"], invitation_id=row["invitation_id"])
            .execution_options(synchronize_session=False)
        )
