"""Retention: delete or empty old rows in small steps while everything runs; daily figures are kept.

No step stops at a row that must stay, such as a webhook that nobody has processed, or at one that a wrong clock has
dated ahead: everything behind it would stay too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, delete, exists, func, or_, select, update
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from nps_connect.ledger.audit_log import AuditRow
from nps_connect.ledger.bulk_sql import without_index
from nps_connect.ledger.cases import CaseEntryRow, CaseRow
from nps_connect.ledger.columns import FINISHED_STATES
from nps_connect.ledger.comment_search import forget_removed_words
from nps_connect.ledger.cooldowns import CooldownRow
from nps_connect.ledger.daily_figures import add_to_figures, verdict_figure
from nps_connect.ledger.pauses import PauseRow
from nps_connect.ledger.subjects import EventSubjectRow
from nps_connect.ledger.suppressions import BounceRow
from nps_connect.ledger.tables import (
    AttemptRow,
    DecisionRow,
    DeliveryRow,
    EventRow,
    InvitationRow,
    PageViewRow,
    RawRequest,
    ResponseRow,
    RevisionRow,
)
from nps_connect.rules.network_address import truncate_address
from nps_connect.rules.repeated_bounces import OBSERVATION_PERIOD
from nps_connect.services.context import Context
from nps_connect.services.invitations.campaigns import CAMPAIGN_EVENT_KIND
from nps_connect.services.operations.load_connections import DEAD_STATE
from nps_connect.services.suppressions.erasure import redact_events

ROWS_PER_STEP = 500
"""Rows of one transaction."""

STEP_INTERVAL = timedelta(seconds=1)
IDLE_INTERVAL = timedelta(hours=1)
USER_AGENT_LENGTH = 24
EMPTIED_REASON = "paused by the operator"

RetentionProgress = dict[str, Any]
Column = Any  # a table or column as SQLAlchemy takes it


class _Step(NamedTuple):
    """One transaction of the retention; rows from `before` on are kept."""

    ctx: Context
    session: Session
    progress: RetentionProgress
    before: datetime


_NO_SYNC, _LARGEST_ID = {"synchronize_session": False}, 2**63 - 1


def apply_retention(ctx: Context, progress: RetentionProgress) -> timedelta:
    """Do one small step for each retention period; return how long to wait before the next.

    Args:
        ctx: the application context.
        progress: how far the steps that empty rows have come; changed in place.
    """
    periods = ctx.settings.retention
    steps: tuple[tuple[Callable[[_Step], bool], timedelta], ...] = (
        (_delete_requests, periods.webhooks),
        (_empty_unreadable_requests, periods.webhooks),
        (_delete_unattributed_bounces, periods.webhooks),
        (_strip_page_views, periods.visits),
        (_delete_page_views, periods.page_views),
        (_delete_attempts, periods.attempts),
        (_empty_bounces, periods.attempts),
        (_delete_deliveries, periods.deliveries),
        (_delete_decisions, periods.events),
        (_delete_events, periods.events),
        (_empty_events, periods.events),
        (_delete_cooldowns, periods.cooldowns),
        (_empty_texts, periods.comments),
        (_empty_staff_texts, periods.comments),
        (_empty_pause_reasons, periods.comments),
    )
    has_more = False
    for step, period in steps:
        with ctx.ledger.write() as session:
            has_more |= step(_Step(ctx, session, progress, ctx.clock() - period))
    return STEP_INTERVAL if has_more else IDLE_INTERVAL


def _delete_requests(step: _Step) -> bool:
    is_parsed = col(RawRequest.state) == "succeeded"
    ids = _lock(step, _old_ids(step, RawRequest, RawRequest.received_at, is_parsed))
    return _delete(step, ids, RawRequest.id)


def _empty_unreadable_requests(step: _Step) -> bool:
    """Empty webhooks that could not be read; the rows stay, because something may have been lost."""
    is_full = col(RawRequest.state) == DEAD_STATE, func.length(col(RawRequest.body)) > 0
    query = select(col(RawRequest.id)).where(*is_full, col(RawRequest.received_at) < step.before)
    return _update(step, _lock(step, query), RawRequest.id, body=b"", headers={})


def _delete_unattributed_bounces(step: _Step) -> bool:
    """Delete bounces of none of our mails, which had no effect: anybody can send any number of them."""
    is_old = col(BounceRow.delivery_id).is_(None) & (col(BounceRow.at) < step.before)
    return _delete(step, _lock(step, select(col(BounceRow.id)).where(is_old)), BounceRow.id)


def _strip_page_views(step: _Step) -> bool:
    """Reduce the IP address to its network and the user agent to its product name."""
    is_next, has_more = _next_span(step, "stripped_page_views", col(PageViewRow.at))
    for row in step.session.execute(select(PageViewRow).where(is_next)).scalars():
        row.address = truncate_address(row.address)
        row.agent = (row.agent or "").split("/")[0][:USER_AGENT_LENGTH] or None
    return has_more


def _delete_page_views(step: _Step) -> bool:
    is_in_use = _is_needed(step, col(InvitationRow.id) == col(PageViewRow.invitation_id))
    return _delete(step, _lock(step, _old_ids(step, PageViewRow, PageViewRow.at, ~is_in_use)), PageViewRow.id)


def _delete_attempts(step: _Step) -> bool:
    return _delete(step, _lock(step, _old_ids(step, AttemptRow, AttemptRow.finished_at)), AttemptRow.id)


def _empty_bounces(step: _Step) -> bool:
    """Empty what mail servers wrote; the bounces stay with their deliveries, so that a report counts once."""
    query = select(col(BounceRow.id)).where(col(BounceRow.detail) != "", col(BounceRow.at) < step.before)
    return _update(step, _lock(step, query), BounceRow.id, detail="")


def _delete_deliveries(step: _Step) -> bool:
    """Delete finished deliveries with their attempts and bounces.

    What may still be asked for stays: those in doubt, those of invitations that accept a response, of imported
    responses (their file may be imported again), of cases that are open or were solved within the period, those that
    others depend on, alarms about a delivery that is not finished, and mails that came back within the time in which
    bounces are compared.
    """
    follower, followed = aliased(DeliveryRow), aliased(DeliveryRow)
    of_response = select(col(ResponseRow.invitation_id)).where(col(ResponseRow.id) == col(DeliveryRow.response_id))
    of_response = of_response.correlate(DeliveryRow)  # not found by itself two levels deeper
    invitation_id = func.coalesce(col(DeliveryRow.invitation_id), of_response.scalar_subquery())
    is_recent_case = or_(col(CaseRow.state) == "open", col(CaseRow.solved_at) >= step.before)
    is_unfinished = col(followed.state).not_in(FINISHED_STATES)
    bounced_since = step.ctx.clock() - OBSERVATION_PERIOD
    query = _old_ids(
        step,
        DeliveryRow,
        DeliveryRow.created_at,
        col(DeliveryRow.state).in_(FINISHED_STATES),
        col(DeliveryRow.finished_at) < step.before,
        col(DeliveryRow.in_doubt).is_(False),
        ~_is_needed(step, col(InvitationRow.id) == invitation_id),
        ~exists().where(col(CaseRow.response_id) == col(DeliveryRow.response_id), is_recent_case),
        ~exists().where(col(follower.depends_on_id) == col(DeliveryRow.id)),
        ~exists().where(col(followed.id) == col(DeliveryRow.depends_on_id), is_unfinished),
        ~exists().where(col(BounceRow.delivery_id) == col(DeliveryRow.id), col(BounceRow.at) >= bounced_since),
    )
    return _delete(step, _lock(step, query), AttemptRow.delivery_id, BounceRow.delivery_id, DeliveryRow.id)


def _delete_decisions(step: _Step) -> bool:
    """Delete decisions, except those that wait for an operator; their numbers stay as daily figures."""
    columns = col(DecisionRow.decided_at), col(DecisionRow.survey), col(EventRow.connection)
    query = (
        select(col(DecisionRow.id), *columns, col(DecisionRow.verdict), col(DecisionRow.reason))
        .join(EventRow, col(EventRow.id) == col(DecisionRow.event_id))
        .where(col(DecisionRow.decided_at) < step.before, col(DecisionRow.verdict) != "held", _is_processed())
        .order_by(col(DecisionRow.decided_at))
        .limit(ROWS_PER_STEP)
    )
    rows = step.session.execute(query.with_for_update(of=DecisionRow, skip_locked=True)).all()
    has_more = _delete(step, [row.id for row in rows], DecisionRow.id)
    add_to_figures(step.session, Counter(verdict_figure(step.ctx.settings.core.zone, *row[1:]) for row in rows))
    return has_more


def _delete_events(step: _Step) -> bool:
    """Delete events that no decision and no open invitation refers to.

    A fact that comes again later is too old for a survey, because it happened before the period too.
    """
    is_decided = exists().where(col(DecisionRow.event_id) == col(EventRow.id))
    is_in_use = is_decided | _is_needed(step, col(InvitationRow.event_id) == col(EventRow.id))
    is_over = col(EventRow.occurred_at) < step.before, col(EventRow.state) == "succeeded", ~_is_key_kept()
    ids = _lock(step, _old_ids(step, EventRow, EventRow.received_at, *is_over, ~is_in_use))
    _update(step, ids, InvitationRow.event_id, event_id=None)
    return _delete(step, ids, EventSubjectRow.event_id, EventRow.id)


def _empty_events(step: _Step) -> bool:
    """Keep only ids of the events that stay."""
    is_next, has_more = _next_span(step, "emptied_events", col(EventRow.received_at))
    query = select(col(EventRow.id), col(EventRow.record)).where(is_next, _is_processed(), _is_key_kept())
    redact_events(step.session, [(row.id, row.record) for row in step.session.execute(query)])
    return has_more


def _delete_cooldowns(step: _Step) -> bool:
    """Delete cooldowns that ended, however long they were; a planned survey keeps its reservation."""
    is_planned = exists().where(
        col(InvitationRow.id) == col(CooldownRow.invitation_id), col(InvitationRow.state) == "planned"
    )
    query = select(col(CooldownRow.subject)).where(col(CooldownRow.until) < step.before, ~is_planned)
    return _delete(step, _lock(step, query), CooldownRow.subject)


def _empty_texts(step: _Step) -> bool:
    """Delete comments, notes, follow-up answers and what repeats them; score, day, survey, tags and themes stay."""
    is_next, has_more = _next_span(step, "emptied_texts", col(ResponseRow.answered_at))
    ids = step.session.execute(select(col(ResponseRow.id)).where(is_next)).scalars().all()
    is_finished = col(DeliveryRow.state).not_in(("pending", "running"))
    repeating = select(col(DeliveryRow.id)).where(col(DeliveryRow.response_id).in_(ids), is_finished)
    _update(step, ids, ResponseRow.id, comment=None, follow_up=[], notes=None)
    _update(step, ids, RevisionRow.response_id, comment=None, follow_up=[])
    _update(step, step.session.execute(repeating).scalars().all(), DeliveryRow.id, payload=None)
    return has_more or forget_removed_words(step.session)


def _empty_staff_texts(step: _Step) -> bool:
    """Delete what staff gave as reasons and noted about cases; who did what stays."""
    query = select(col(AuditRow.id)).where(col(AuditRow.reason).is_not(None), col(AuditRow.at) < step.before)
    has_more = _update(step, _lock(step, query), AuditRow.id, reason=None)
    query = select(col(CaseEntryRow.id)).where(col(CaseEntryRow.text).is_not(None), col(CaseEntryRow.at) < step.before)
    return _update(step, _lock(step, query), CaseEntryRow.id, text=None) or has_more


def _empty_pause_reasons(step: _Step) -> bool:
    is_old = (col(PauseRow.cause) == "operator") & (col(PauseRow.since) < step.before)
    query = select(col(PauseRow.scope)).where(is_old, col(PauseRow.reason) != EMPTIED_REASON)
    return _update(step, _lock(step, query), PauseRow.scope, reason=EMPTIED_REASON)


def _old_ids(step: _Step, table: Column, at: Column, *conditions: ColumnElement[bool]) -> Select[Any]:
    """Return the query for rows written before a moment; by their ids, because not every time has an index.

    It ends at the first row that was written between then and now.
    """
    moment = without_index(at)
    first_kept = select(table.id).where(moment.between(step.before, step.ctx.clock())).order_by(table.id).limit(1)
    end = func.coalesce(first_kept.scalar_subquery(), _LARGEST_ID)
    return select(table.id).where(table.id < end, moment < step.before, *conditions).order_by(table.id)


def _lock(step: _Step, query: Select[Any]) -> Sequence[Any]:
    """Return the first rows of a query, locked, without those that somebody else has locked."""
    return step.session.execute(query.limit(ROWS_PER_STEP).with_for_update(skip_locked=True)).scalars().all()


def _delete(step: _Step, ids: Sequence[Any], *columns: Column) -> bool:
    """Delete the rows whose columns have one of these values, column by column; return whether there are more."""
    for column in columns:
        step.session.execute(delete(column.class_).where(column.in_(ids)), execution_options=_NO_SYNC)
    return len(ids) == ROWS_PER_STEP


def _update(step: _Step, ids: Sequence[Any], column: Column, **values: Any) -> bool:  # noqa: ANN401  # any column's
    """Change the rows whose column has one of these values; return whether there are more."""
    statement = update(column.class_).where(column.in_(ids)).values(**values)
    step.session.execute(statement, execution_options=_NO_SYNC)
    return len(ids) == ROWS_PER_STEP


def _next_span(step: _Step, name: str, at: Column) -> tuple[ColumnElement[bool], bool]:
    """Return the condition for the rows of the next step, by time, and whether there are more."""
    since = datetime.fromisoformat(step.progress.get(name, "2000-01-01T00:00:00+00:00"))
    query = select(at).where(at > since, at < step.before).order_by(at).limit(ROWS_PER_STEP)
    moments = step.session.execute(query).scalars().all()
    last = moments[-1] if moments else since
    step.progress[name] = last.isoformat()
    return (at > since) & (at <= last), len(moments) == ROWS_PER_STEP


def _is_needed(step: _Step, is_referred_to: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether an invitation accepts a response, is planned, or was imported: its file may be imported again."""
    is_open = col(InvitationRow.expires_at) >= step.ctx.clock()
    return exists().where(is_referred_to, is_open | col(InvitationRow.state).in_(("planned", "imported")))


def _is_processed() -> ColumnElement[bool]:
    return col(EventRow.state).in_(("succeeded", "dead"))


def _is_key_kept() -> ColumnElement[bool]:
    """Events that stay: everybody is in a campaign once for all time, and dead ones were not handled."""
    return or_(col(EventRow.kind) == CAMPAIGN_EVENT_KIND, col(EventRow.state) == "dead")
