"""What is visible after a play: decisions, mails, responses and deliveries of each person, and effects at vendors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger.tables import ContactRow, DecisionRow, DeliveryRow, EventRow, ResponseRow
from nps_connect.proof.cast import Player
from nps_connect.proof.play import PlayLog
from nps_connect.proof.stand_in import Outbox
from nps_connect.proof.twin import Twin
from nps_connect.records.actions import hold_text
from nps_connect.records.base import FieldValue
from nps_connect.records.deliveries import Alert, ScoreUpdate, TicketDraft
from nps_connect.records.messages import Message, MessageKind
from nps_connect.simulation import VendorEffects


class Decided(NamedTuple):
    """A decision of a trigger."""

    trigger: str
    verdict: str
    detail: str


class Delivered(NamedTuple):
    """A delivery: its action, connection and state, and why it is not done."""

    action: str
    connection: str
    state: str
    problem: str | None


class Responded(NamedTuple):
    """A recorded response."""

    survey: str
    touchpoint: str
    language: str
    score: int


@dataclass(frozen=True)
class Effects:
    """What a connection shows of one person.

    Attributes:
        score: on the record.
        tickets: number of tickets.
        alerts: number of alerts; None where alerts name no person.
    """

    score: int | None
    tickets: int
    alerts: int | None


@dataclass(frozen=True)
class Outcome:
    """What happened to one person.

    Attributes:
        player: the person.
        decisions: of all triggers.
        messages: kinds of the mails, with their times.
        response: the recorded response, or None.
        deliveries: about the person.
        effects: by connection.
        had_event: whether the vendor could let the event happen.
        opted_out_at: when the person said no.
        page_problem: what was wrong with a page.
        reported_fields: the fields of all events of this kind that the connection reported.
    """

    player: Player
    decisions: Sequence[Decided]
    messages: Sequence[tuple[datetime, MessageKind]]
    response: Responded | None
    deliveries: Sequence[Delivered]
    effects: Mapping[str, Effects]
    had_event: bool = True
    opted_out_at: datetime | None = None
    page_problem: str | None = None
    reported_fields: Sequence[Mapping[str, FieldValue]] = ()


def observe(twin: Twin, players: Iterable[Player], log: PlayLog) -> list[Outcome]:
    """Return what happened to each person of a play."""
    ctx = twin.application.ctx
    with ctx.ledger.read() as session:
        emails = _emails(session)
        decisions, deliveries = _decisions(session, emails), _deliveries(session, emails)
        responses, reported_fields = _responses(session, emails), _reported_fields(session)
    messages: dict[str, list[tuple[datetime, MessageKind]]] = defaultdict(list)
    for at, message in twin.outbox.messages():
        messages[message.to.email].append((at, message.kind))
    vendor_effects = {name: vendor.effects() for name, vendor in twin.vendors.items()}
    return [
        Outcome(
            player=player,
            decisions=decisions[player.email],
            messages=messages[player.email],
            response=responses.get(player.email),
            deliveries=deliveries[player.email],
            effects={
                name: _vendor_effects(vendor_effects[name], player.email)
                if name in vendor_effects
                else _stand_in_effects(twin.outbox, name, player.email)
                for name in ctx.connections
            },
            had_event=player.number not in log.no_event,
            opted_out_at=log.opted_out_at.get(player.number),
            page_problem=log.page_problems.get(player.number),
            reported_fields=reported_fields[player.trigger.source, player.trigger.on],
        )
        for player in players
    ]


def _emails(session: Session) -> dict[int, str]:
    rows = session.execute(select(col(ContactRow.id), col(ContactRow.email))).all()
    return {contact_id: email for contact_id, email in rows if email}


def _decisions(session: Session, emails: Mapping[int, str]) -> dict[str, list[Decided]]:
    decisions: dict[str, list[Decided]] = defaultdict(list)
    for row in session.execute(select(DecisionRow).order_by(col(DecisionRow.id))).scalars():
        decisions[emails.get(row.contact_id or 0, "")].append(Decided(row.trigger, row.verdict, row.detail))
    return decisions


def _reported_fields(session: Session) -> dict[tuple[str, str], list[Mapping[str, FieldValue]]]:
    """Return the fields of all events, by connection and kind."""
    fields: dict[tuple[str, str], list[Mapping[str, FieldValue]]] = defaultdict(list)
    for row in session.execute(select(EventRow).order_by(col(EventRow.id))).scalars():
        fields[row.connection, row.kind].append(row.record.get("fields") or {})
    return fields


def _deliveries(session: Session, emails: Mapping[int, str]) -> dict[str, list[Delivered]]:
    deliveries: dict[str, list[Delivered]] = defaultdict(list)
    for row in session.execute(select(DeliveryRow).order_by(col(DeliveryRow.id))).scalars():
        problem = row.last_error or hold_text(row.hold_code, row.hold_detail) or row.receipt_note
        deliveries[emails.get(row.contact_id or 0, "")].append(
            Delivered(row.action, row.connection, row.state, problem)
        )
    return deliveries


def _responses(session: Session, emails: Mapping[int, str]) -> dict[str, Responded]:
    return {
        emails[row.contact_id]: Responded(row.survey, row.touchpoint, row.language, row.score)
        for row in session.execute(select(ResponseRow).where(col(ResponseRow.revision) > 0)).scalars()
        if row.contact_id in emails and row.score is not None
    }


def _vendor_effects(effects: VendorEffects, email: str) -> Effects:
    return Effects(effects.scores.get(email), len(effects.tickets.get(email, ())), None)


def _stand_in_effects(outbox: Outbox, connection: str, email: str) -> Effects:
    items = [sent.item for sent in outbox.sent if sent.connection == connection and not isinstance(sent.item, Message)]
    delivered = [item for item in items if getattr(getattr(item, "contact", None), "email", None) == email]
    scores = [item.response.score for item in delivered if isinstance(item, ScoreUpdate)]
    return Effects(
        score=scores[-1] if scores else None,
        tickets=sum(isinstance(item, TicketDraft) for item in delivered),
        alerts=sum(isinstance(item, Alert) for item in delivered),
    )
