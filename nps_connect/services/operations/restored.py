"""After a restore: what may have gone out since the backup is in doubt, and opt-outs since then are applied again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, func, select, update
from sqlmodel import Session, col

from nps_connect.errors import NpsConnectError
from nps_connect.ledger import pauses
from nps_connect.ledger.columns import UNFINISHED_STATES
from nps_connect.ledger.identity import lock_identity, raise_counter
from nps_connect.ledger.pauses import PauseRow
from nps_connect.ledger.state_dir import Identity
from nps_connect.ledger.tables import DeliveryRow, InvitationRow
from nps_connect.records.actions import HoldCode
from nps_connect.services.context import Context
from nps_connect.services.deliveries.settle import IN_DOUBT_HOLD, InDoubtRule, in_doubt_rule
from nps_connect.services.operations.database_identity import (
    RESTORED_REASON,
    Mismatch,
    find_mismatch,
    pause_database,
)
from nps_connect.services.operations.operator_pauses import restore_pauses
from nps_connect.services.responses.invitation_state import OPEN_STATES
from nps_connect.services.suppressions.replay import replay_journals
from nps_connect.services.suppressions.unconfirmed import suppress_unconfirmed

JOURNAL_MARGIN = timedelta(hours=1)
"""The journal is replayed from so long before the newest stored moment: hosts' clocks differ."""

IN_DOUBT_REASON = "the database was restored from a backup: this may have been sent since then"

TIME_BOUND_HOLDS = (HoldCode.QUIET_HOURS, HoldCode.DAILY_CAP)
"""What waits for one of these goes out at its due time; every other hold may have been released earlier."""

_LOOK: dict[str, Any] = {
    "in_doubt": True,
    # a vendor is asked for what was made since then; the first try may have come at any time after the creation
    "first_started_at": func.coalesce(col(DeliveryRow.first_started_at), col(DeliveryRow.created_at)),
}
CHANGES_BY_RULE: dict[InDoubtRule, tuple[tuple[tuple[str, ...], dict[str, Any]], ...]] = {
    "hold": (
        (("pending", "running", "held"), {**IN_DOUBT_HOLD, "last_error": IN_DOUBT_REASON}),
        (("dead",), {"in_doubt": True}),
    ),
    "look": ((("pending", "running"), {**_LOOK, "state": "pending"}), (("held", "dead"), _LOOK)),
    "resend": ((("pending", "running"), {"state": "pending"}),),
}
"""The columns that change, by what is done with a delivery in doubt and by its state."""


@dataclass(frozen=True)
class RestoreReport:
    """What was done after a restore.

    Attributes:
        taken_at: the database knows nothing of what happened after this moment; None if it was empty.
        restored_at: the present moment.
        held: customer mails that are held, because they may have been sent.
        looked_up: deliveries that are looked for at their vendor before they are carried out.
        repeated: deliveries that are carried out, perhaps again: scores, alerts to staff.
        suppressions: entries of the journals that were applied: opt-outs, complaints, bounces, erasures.
        undecryptable: lines of the journals that no configured signing key decrypts.
        unconfirmed: people who are not contacted until an operator confirms: their opt-outs are unknown.
    """

    taken_at: datetime | None
    restored_at: datetime
    held: int
    looked_up: int
    repeated: int
    suppressions: int
    undecryptable: int
    unconfirmed: int


def mark_restored(ctx: Context, *, taken_at: datetime | None, journals: Sequence[Path]) -> RestoreReport:
    """Mark the database as a restored backup, and let deliveries go on. Idempotent, also after a crash halfway.

    Args:
        ctx: the application context; no process may be working on the database.
        taken_at: when the backup was taken, if earlier than the newest moment that the database holds.
        journals: further journals of suppressions, of this and other hosts.

    Raises:
        NpsConnectError: `taken_at` is later than the newest stored moment, or a journal cannot be read.
    """
    now = ctx.clock()
    newest_at, is_journal_newer = _pause(ctx, now)
    if taken_at is not None and newest_at is not None and taken_at > newest_at:
        raise NpsConnectError(
            f"the newest moment in the database is {newest_at.isoformat()}; --taken-at can only name an earlier one"
        )
    taken_at = taken_at or newest_at
    since = (taken_at or now) - JOURNAL_MARGIN
    own_journal = ctx.journal.path if is_journal_newer else None
    paths = [*([own_journal] if own_journal is not None and own_journal.exists() else []), *journals]
    replayed = replay_journals(ctx, paths, since=since)
    with ctx.ledger.write() as session:
        counts = _put_in_doubt(ctx, session, now)
        _mark_open_invitations(session, since, now)
        unconfirmed = 0 if paths else suppress_unconfirmed(ctx, session)
        _allow_sending(ctx, session, now)
    if ctx.state_dir is not None:
        with ctx.ledger.read() as session:
            row = lock_identity(session)
        ctx.state_dir.write_identity(Identity(row.database_id, row.counter))
    return RestoreReport(
        taken_at,
        now,
        held=counts["hold"],
        looked_up=counts["look"],
        repeated=counts["resend"],
        suppressions=replayed.applied,
        undecryptable=replayed.undecryptable,
        unconfirmed=unconfirmed,
    )


def _pause(ctx: Context, now: datetime) -> tuple[datetime | None, bool]:
    """Pause everything that is sent, so that a crash halfway lets nothing out.

    Returns:
        The newest moment that the restored database held, and whether this host's journal is newer than the database.
        It is not if the state directory went back in time too, as with a snapshot of the whole machine.
    """
    stored = ctx.state_dir.read_identity() if ctx.state_dir is not None else None
    with ctx.ledger.write() as session:
        row = lock_identity(session)
        mismatch = find_mismatch(Identity(row.database_id, row.counter), stored)
        pause_database(session, mismatch or Mismatch("unknown_database", RESTORED_REASON), now)
        pause = session.get_one(PauseRow, pauses.DATABASE_SCOPE)
        return row.newest_at, pause.cause == "restored"


def _allow_sending(ctx: Context, session: Session, now: datetime) -> None:
    """End the pause; customer mail that was due before now stays in doubt, also if its event comes once more."""
    stored = ctx.state_dir.read_identity() if ctx.state_dir is not None else None
    raise_counter(session, at_least=stored.counter if stored else 0)
    if ctx.state_dir is not None:
        restore_pauses(session, ctx.state_dir, now)
    lock_identity(session).newest_at = None
    pauses.resume(session, pauses.DATABASE_SCOPE)
    reason = "the database was restored; mail that was due before then may have been sent and is held"
    session.merge(PauseRow(scope=pauses.RESTORED_SCOPE, cause="restored", reason=reason, since=now))


def _put_in_doubt(ctx: Context, session: Session, now: datetime) -> Counter[InDoubtRule]:
    """Put every delivery in doubt that may have been carried out since the backup; returns how many, by rule."""
    queues = select(col(DeliveryRow.connection), col(DeliveryRow.action)).where(_is_in(*UNFINISHED_STATES)).distinct()
    counts = Counter[InDoubtRule]()
    for connection, action in session.execute(queues).all():
        rule = in_doubt_rule(ctx, connection, action)
        for states, values in CHANGES_BY_RULE[rule]:
            changed = session.execute(
                update(DeliveryRow)
                .where(col(DeliveryRow.connection) == connection, col(DeliveryRow.action) == action)
                .where(_is_in(*states), _may_be_out(now))
                .values(lease_token=None, lease_until=None, started_at=None, **values)
                .returning(col(DeliveryRow.id))
                .execution_options(synchronize_session=False)
            )
            counts[rule] += len(changed.all())
    return counts


def _mark_open_invitations(session: Session, since: datetime, now: datetime) -> None:
    """Mark the invitations that may have had a response since the backup: what a response leads to is then in doubt."""
    session.execute(
        update(InvitationRow)
        .where(col(InvitationRow.state).in_(OPEN_STATES), col(InvitationRow.expires_at) > since)
        .values(restored_at=now)
        .execution_options(synchronize_session=False)
    )


def _is_in(*states: str) -> ColumnElement[bool]:
    return col(DeliveryRow.state).in_(states)


def _may_be_out(now: datetime) -> ColumnElement[bool]:
    hold_code = col(DeliveryRow.hold_code)
    was_releasable = hold_code.is_not(None) & hold_code.not_in(TIME_BOUND_HOLDS)
    return (col(DeliveryRow.due_at) <= now) | _is_in("running") | was_releasable
