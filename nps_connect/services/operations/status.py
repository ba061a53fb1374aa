"""Status: how the application stands, for people and for monitoring. "Nothing happens" never looks like "nothing to do"."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlmodel import Session, col

from nps_connect.ledger import pauses
from nps_connect.ledger.operational_tables import CounterRow
from nps_connect.ledger.tables import DeliveryRow, EventRow, RawRequest
from nps_connect.services.decisions.held_triggers import count_held
from nps_connect.services.intake.reconcile import MISSED_WEBHOOKS_COUNTER
from nps_connect.services.invitations.daily_cap import count_sent_today
from nps_connect.services.operations.connection_findings import DEAD_STATE
from nps_connect.services.responses.unconfirmed_scores import count_awaiting_confirmation
from nps_connect.settings.model import Settings

MISSED_PERIOD = timedelta(days=30)
REPORTED_STATES = ("pending", "running", "held", "dead")


@dataclass(frozen=True)
class IntakeStatus:
    """What one connection has told.

    Attributes:
        last_event_at: when its newest event came in; none = never.
        missed: facts within 30 days that its webhooks should have told and did not.
        undecided: events that wait to be decided on.
        unreadable: webhooks that the plugin could not read, and that wait for a replay.
    """

    last_event_at: datetime | None
    missed: int
    undecided: int
    unreadable: int


@dataclass(frozen=True)
class PausedScope:
    """What is stopped, by whom and why."""

    scope: str
    cause: str
    reason: str
    since: datetime


@dataclass(frozen=True)
class SystemStatus:
    """How the application stands.

    Attributes:
        at: when it was looked at.
        mode: `shadow` or `live`.
        surveys_today: surveys that went out today.
        surveys_per_day: the cap.
        paused: what is stopped.
        held: triggers that wait for an operator, with the number of their decisions.
        deliveries: how many are in each state that is not an end, and dead.
        to_confirm: detractors whose score nobody has confirmed for a day, and whose visits show no sign of a machine.
        connections: those that give events, or whose events wait (made by hand, or of a campaign), by name.
    """

    at: datetime
    mode: str
    surveys_today: int
    surveys_per_day: int
    paused: tuple[PausedScope, ...] = ()
    held: dict[str, int] = field(default_factory=dict)
    deliveries: dict[str, int] = field(default_factory=dict)
    to_confirm: int = 0
    connections: dict[str, IntakeStatus] = field(default_factory=dict)


def load_status(session: Session, settings: Settings, now: datetime) -> SystemStatus:
    """Look at everything once."""
    states = select(col(DeliveryRow.state), func.count()).where(col(DeliveryRow.state).in_(REPORTED_STATES))
    counted = dict(session.execute(states.group_by(col(DeliveryRow.state))).all())
    incoming = {name: _load_intake_status(session, name, now) for name in settings.connections}
    givers = {name for name, table in settings.connections.items() if table.get("events", "none") != "none"}
    return SystemStatus(
        at=now,
        mode=settings.core.mode,
        surveys_today=count_sent_today(session, now, settings.core.zone),
        surveys_per_day=settings.limits.surveys_per_day,
        paused=tuple(
            PausedScope(row.scope, row.cause, row.reason, row.since) for row in pauses.load_pauses(session).values()
        ),
        held=count_held(session),
        deliveries={state: int(counted.get(state, 0)) for state in REPORTED_STATES},
        to_confirm=count_awaiting_confirmation(session, now),
        connections={name: one for name, one in incoming.items() if name in givers or one.undecided},
    )


def _load_intake_status(session: Session, name: str, now: datetime) -> IntakeStatus:
    newest = select(col(EventRow.received_at)).where(col(EventRow.connection) == name)
    missed = select(func.sum(col(CounterRow.count))).where(
        col(CounterRow.name) == MISSED_WEBHOOKS_COUNTER,
        col(CounterRow.connection) == name,
        col(CounterRow.day) >= (now - MISSED_PERIOD).date(),
    )
    undecided = select(func.count()).where(
        col(EventRow.queue_name) == f"{name}/decide", col(EventRow.state) == "pending"
    )
    return IntakeStatus(
        last_event_at=session.execute(newest.order_by(col(EventRow.received_at).desc()).limit(1)).scalar(),
        missed=int(session.execute(missed).scalar() or 0),
        undecided=int(session.execute(undecided).scalar_one()),
        unreadable=count_unreadable(session, name),
    )


def last_event_age_seconds(known: SystemStatus, one: IntakeStatus) -> float:
    """The age of a connection's newest event, in seconds; infinite before the first."""
    return math.inf if one.last_event_at is None else (known.at - one.last_event_at).total_seconds()


def count_unreadable(session: Session, connection: str) -> int:
    """Webhooks that a plugin could not read."""
    query = select(func.count()).where(col(RawRequest.connection) == connection, col(RawRequest.state) == DEAD_STATE)
    return int(session.execute(query).scalar_one())


def render_metrics(known: SystemStatus) -> str:
    """The same as Prometheus text (exposition format 0.0.4)."""
    lines = _render_metric("surveys_today", "Surveys that went out today.", [({}, known.surveys_today)])
    lines += _render_metric("surveys_per_day", "The cap on surveys per day.", [({}, known.surveys_per_day)])
    lines += _render_metric("paused", "Scopes that are stopped.", [({"scope": one.scope}, 1) for one in known.paused])
    held = [({"trigger": name}, number) for name, number in known.held.items()]
    lines += _render_metric("held_decisions", "Decisions that wait for an operator.", held)
    deliveries = [({"state": state}, number) for state, number in known.deliveries.items()]
    lines += _render_metric("deliveries", "Deliveries by state.", deliveries)
    told = "Unconfirmed detractors of a day ago without signs of a machine."
    lines += _render_metric("to_confirm", told, [({}, known.to_confirm)])
    every = known.connections.items()
    ages = [({"connection": name}, last_event_age_seconds(known, one)) for name, one in every]
    lines += _render_metric("last_event_age_seconds", "Age of the newest event; +Inf before the first.", ages)
    for name, told in (
        ("missed", "Facts of 30 days that webhooks missed and the sweep found."),
        ("undecided", "Events that wait to be decided on."),
        ("unreadable", "Webhooks that could not be read."),
    ):
        lines += _render_metric(
            f"events_{name}", told, [({"connection": one}, getattr(had, name)) for one, had in every]
        )
    return "\n".join(lines) + "\n"


def _render_metric(name: str, told: str, samples: Sequence[tuple[dict[str, str], float]]) -> list[str]:
    full = f"nps_connect_{name}"
    lines = [f"# HELP {full} {told}", f"# TYPE {full} gauge"]
    for labels, value in samples:
        number = "+Inf" if math.isinf(value) else f"{value:g}"
        shown = ",".join(f'{key}="{_escape_label(text)}"' for key, text in labels.items())
        lines.append(f"{full}{{{shown}}} {number}" if shown else f"{full} {number}")
    return lines


def _escape_label(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
