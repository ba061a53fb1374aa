"""Polling of the cursor exports and of the list of deleted users.

The export returns each changed ticket in its present state: it shows when a ticket was last solved or closed and that
it was deleted, but not that it was reopened or changed its priority, which need webhooks. It never returns the last
minute. That a user was deleted permanently is in no webhook and no export; only the list of deleted users shows it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from nps_connect import Connection, Event, EventPage, NotAllowed, Rejected, hookimpl
from nps_connect_zendesk.contacts import wait_times
from nps_connect_zendesk.export import (
    START_LAG_SECONDS,
    Page,
    latest_start,
    load_deleted_users,
    load_export,
    vendor_time,
)
from nps_connect_zendesk.settings import ZendeskSettings
from nps_connect_zendesk.ticket_facts import (
    contact_event,
    erasure_event,
    exclusion_reason_by_id,
    parse_ticket_facts,
    ticket_event,
)
from nps_connect_zendesk.webhooks import parse_moment

ACTION = "poll_events"
STREAMS = ("tickets", "users", "deleted_users")
DELETED_USERS_INTERVAL = timedelta(hours=1)
"""Time between two readings of the list of deleted users, which has no order by time and is read from its start."""

PERMANENTLY_DELETED_NAME = "Permanently Deleted User"
"""Name of a permanently deleted user, whose address is null
(https://developer.zendesk.com/api-reference/ticketing/users/users/#list-deleted-users)."""


@hookimpl
def nps_poll_events(connection: Connection[ZendeskSettings], cursor: str | None) -> EventPage:
    """Return one page of solved, closed and deleted tickets, of deleted users, or of permanently deleted users.

    The first call finds the end of the export and returns no history; older facts are never emitted, even if an old
    ticket changes later. All times are by Zendesk's clock. A cursor that Zendesk rejects is replaced by the time that
    it had reached.

    Raises:
        DeliveryError: any; nothing is lost, the cursor stays.
    """
    state = _parse_cursor(cursor) if cursor else None
    if state is None:
        return EventPage(cursor=_format_cursor(_initial_state(connection)))
    stream = state["next"]
    page = _load_page(connection, stream, state)
    since = datetime.fromtimestamp(state["since"], UTC)
    changed = (event for row in page.rows for event in _row_events(connection, stream, row, page.read_at))
    events = tuple(event for event in changed if event.occurred_at >= since)
    state |= _advanced(state, stream, page)
    return EventPage(events=events, cursor=_format_cursor(state), more=page.more or state["next"] != STREAMS[0])


def _initial_state(connection: Connection[ZendeskSettings]) -> dict[str, Any]:
    now = int(vendor_time(connection, action=ACTION).timestamp())
    start = now - START_LAG_SECONDS
    page = load_export(connection, "tickets", {"start_time": start}, action=ACTION)
    return {"since": now, "seen": start, "next": "tickets", "tickets": page.cursor, "scanned": 0}


def _load_page(connection: Connection[ZendeskSettings], stream: str, state: dict[str, Any]) -> Page:
    try:
        if stream == "deleted_users":
            return load_deleted_users(connection, state.get(stream), action=ACTION)
        return _export(connection, stream, state)
    except NotAllowed:
        if stream == "tickets":
            raise
        # Deleted users are optional: contacts are read again before every message.
        return Page((), None, more=False, read_at=connection.clock())


def _export(connection: Connection[ZendeskSettings], stream: str, state: dict[str, Any]) -> Page:
    stored = state.get(stream)
    if stored:
        try:
            return load_export(connection, stream, {"cursor": stored}, action=ACTION)
        except Rejected:
            pass  # the cursor is no longer valid: start again at the time that it had reached
    start = min(state["seen"], latest_start(connection, action=ACTION))
    return load_export(connection, stream, {"start_time": start}, action=ACTION)


def _advanced(state: dict[str, Any], stream: str, page: Page) -> dict[str, Any]:
    """Return what changes in the state after a page: the cursor, and at the end of a list the next one."""
    read_at = int(page.read_at.timestamp())
    if stream == "deleted_users":
        return {stream: page.cursor} if page.more else {stream: None, "scanned": read_at, "next": STREAMS[0]}
    change: dict[str, Any] = {stream: page.cursor or state.get(stream)}
    if page.more:
        return change
    if stream == "tickets":
        return {**change, "next": "users"}
    is_due = read_at - state["scanned"] >= DELETED_USERS_INTERVAL.total_seconds()
    return {**change, "seen": read_at - START_LAG_SECONDS, "next": "deleted_users" if is_due else STREAMS[0]}


def _row_events(
    connection: Connection[ZendeskSettings], stream: str, row: dict[str, Any], read_at: datetime
) -> Iterator[Event]:
    if stream == "tickets":
        yield from _ticket_events(connection, row)
    elif stream == "users":
        yield from _user_events(row)
    elif row.get("name") == PERMANENTLY_DELETED_NAME and row.get("email") is None:
        yield erasure_event(str(row["id"]), read_at)


def _ticket_events(connection: Connection[ZendeskSettings], ticket: dict[str, Any]) -> Iterator[Event]:
    facts = parse_ticket_facts(ticket)
    for kind, moment in _ticket_facts(ticket):
        yield ticket_event(
            kind,
            str(ticket["id"]),
            moment,
            requester_id=ticket.get("requester_id"),
            fields={**facts.fields, **wait_times(ticket), "status": kind.removeprefix("ticket.")},
            reason=exclusion_reason_by_id(connection.settings.exclude, facts),
        )


def _ticket_facts(ticket: dict[str, Any]) -> Iterator[tuple[str, datetime]]:
    metric = ticket.get("metric_set") or {}
    changed = _parse_moment(ticket.get("updated_at"))
    status = ticket.get("status")
    solved = _parse_moment(metric.get("solved_at")) or (changed if status == "solved" else None)
    if status in ("solved", "closed") and solved is not None:
        yield "ticket.solved", solved
    closed = _parse_moment(metric.get("status_updated_at")) or changed
    if status == "closed" and closed is not None:
        yield "ticket.closed", closed
    if status == "deleted" and changed is not None:
        yield "ticket.deleted", changed


def _user_events(user: dict[str, Any]) -> Iterator[Event]:
    changed = _parse_moment(user.get("updated_at"))
    if user.get("active") is False and changed is not None:
        yield contact_event("contact.deleted", str(user["id"]), changed)


def _parse_moment(value: object) -> datetime | None:
    moment = parse_moment(value) if isinstance(value, str) else None
    return moment.replace(microsecond=0) if moment is not None else None


def _parse_cursor(cursor: str) -> dict[str, Any] | None:
    try:
        state = json.loads(cursor)
    except ValueError:
        return None
    is_known_stream = isinstance(state, dict) and state.get("next") in STREAMS
    has_times = is_known_stream and all(isinstance(state.get(name), int) for name in ("since", "seen", "scanned"))
    return state if has_times else None


def _format_cursor(state: dict[str, Any]) -> str:
    return json.dumps(state, sort_keys=True)
