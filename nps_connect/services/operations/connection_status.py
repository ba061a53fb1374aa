"""Status of one connection, as the ledger alone shows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from nps_connect.ledger.queue_figures import WaitingRows

ConnectionState = Literal["paused", "failing", "waiting", "silent", "ok", "unused"]


@dataclass(frozen=True)
class Failure:
    """A failure: when it happened, or since when it does, and why."""

    since: datetime
    reason: str


@dataclass(frozen=True)
class FailedCheck:
    """A check that found an error: when, the kind of its worst finding, and the finding."""

    at: datetime
    finding: str
    text: str


@dataclass(frozen=True)
class ConnectionStatus:
    """What the ledger knows of one connection.

    Attributes:
        state: the worst that is true: `paused` (it or one of its queues), `failing` (its last call or check failed),
            `waiting` (for the vendor's quota), `silent` (longer than usual), `ok`; `unused` if it has neither event nor
            delivery, and nobody was invited to review there.
        events: how it receives events: `webhook`, `poll` or `none`.
        is_channel: surveys are sent through it.
        secrets: where its secrets come from: key and variable or file of each.
        last_event_at: when its newest event was received; None means never.
        last_event: that event's kind, and how it came.
        is_silent: no event for longer than its own habit explains.
        usual_events: events in the same hours of the weeks before, newest first, while it is silent.
        last_success_at: when a delivery succeeded last.
        failures: consecutive calls that failed; 0 after a success.
        failure: the newest of them, one sentence.
        retry_at: no call before then, because its circuit breaker is open.
        quota_until: no call before then, because a quota of the vendor is used up, by name of the quota.
        pauses: scopes of its own pauses and those of its queues.
        is_stopped: a pause stops all or some of its deliveries.
        deliveries: number of its deliveries in each unfinished state.
        held: number of its held deliveries by hold code.
        queues: its queues with pending deliveries, by name.
        refused: webhooks refused since yesterday, by reason.
        missed: facts of the last 30 days that no webhook reported and the reconciliation found.
        missed_recently: those since yesterday.
        undecided: events without a decision yet.
        undecided_since: when the first of them was due; None without any.
        unreadable: webhooks that the plugin could not read, kept for a replay.
        unreadable_reason: why the newest of them could not be read.
        bounce_mailbox_failure: that its bounce mailbox cannot be read; None if it can, or if there is none.
        poll_failure: that its events cannot be fetched; None if they can, or if they are not fetched.
        failed_check: its last check found an error that nothing later has refuted.
        last_error: that check, or the newest failed attempt of a delivery, if it is among the newest of all
            connections.
    """

    state: ConnectionState = "unused"
    events: str = "none"
    is_channel: bool = False
    secrets: tuple[str, ...] = ()
    last_event_at: datetime | None = None
    last_event: str | None = None
    is_silent: bool = False
    usual_events: tuple[int, ...] = ()
    last_success_at: datetime | None = None
    failures: int = 0
    failure: str | None = None
    retry_at: datetime | None = None
    quota_until: dict[str, datetime] = field(default_factory=dict)
    pauses: tuple[str, ...] = ()
    is_stopped: bool = False
    deliveries: dict[str, int] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)
    queues: dict[str, WaitingRows] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    missed: int = 0
    missed_recently: int = 0
    undecided: int = 0
    undecided_since: datetime | None = None
    unreadable: int = 0
    unreadable_reason: str | None = None
    bounce_mailbox_failure: Failure | None = None
    poll_failure: Failure | None = None
    failed_check: FailedCheck | None = None
    last_error: Failure | None = None

    @property
    def is_failing(self) -> bool:
        """Whether its last call, poll or check failed."""
        return self.failures > 0 or self.poll_failure is not None or self.failed_check is not None
