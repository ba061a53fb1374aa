"""Polling of the cursor export, for accounts without webhooks.

Source: developer.zendesk.com/api-reference/ticketing/ticket-management/incremental_exports/. The export returns each
changed ticket in its present state: it shows when a ticket was last solved or closed and that it was deleted, but not
that it was reopened or changed its priority, which need webhooks. It never returns the last minute.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from nps_connect import Connection, Event, EventPage, NotAllowed, Rejected, hookimpl
from nps_connect_zendesk.api import API_PATH
from nps_connect_zendesk.contacts import wait_times
from nps_connect_zendesk.ticket_facts import contact_event, exclusion_reason_by_id, parse_ticket_facts, ticket_event
from nps_connect_zendesk.webhooks import parse_moment

ACTION = "poll_events"
EXPORT_QUOTA = "export"
LAG_SECONDS = 60
"""Seconds; the export rejects a start within the last minute."""

PAGE_SIZE = 500
STREAMS = ("tickets", "users")


@hookimpl
def nps_poll_events(connection: Connection, cursor: str | None) -> EventPage:
    """Return one page of solved, closed and deleted tickets, or of deleted users.

    The first call finds the end of the export and returns no history; older facts are never emitted, even if an old
    ticket changes later. A cursor that Zendesk rejects is replaced by the time that it had reached.

    Raises:
        DeliveryError: any; nothing is lost, the cursor stays.
    """
    now = int(connection.clock().timestamp())
    state = _parse_cursor(cursor) if cursor else None
    if state is None:
        state = {"since": now, "seen": now - LAG_SECONDS, "next": "tickets"}
        state["tickets"] = _export(connection, "tickets", state).get("after_cursor")
        return EventPage(cursor=_format_cursor(state))
    stream = state["next"]
    page = _export(connection, stream, state)
    since = datetime.fromtimestamp(state["since"], UTC)
    rows = page.get(stream) or []
    changed = (
        event
        for row in rows
        for event in (_ticket_events(connection, row) if stream == "tickets" else _user_events(row))
    )
    events = [event for event in changed if event.occurred_at >= since]
    more = not page.get("end_of_stream", True) and bool(page.get("after_cursor"))
    state |= {stream: page.get("after_cursor") or state.get(stream)}
    if not more:
        state |= {"next": "users" if stream == "tickets" else "tickets"}
        if stream == "users":
            state |= {"seen": now - LAG_SECONDS}
    return EventPage(events=tuple(events), cursor=_format_cursor(state), more=more or stream == "tickets")


def _export(connection: Connection, stream: str, state: dict[str, Any]) -> dict[str, Any]:
    stored = state.get(stream)
    try:
        return _page(connection, stream, {"cursor": stored} if stored else {"start_time": state["seen"]})
    except NotAllowed:
        if stream == "tickets":
            raise
        return {}  # deleted users are optional: contacts are read again before every message
    except Rejected:
        if not stored:
            raise
        return _page(connection, stream, {"start_time": state["seen"]})


def _page(connection: Connection, stream: str, start: dict[str, str | int]) -> dict[str, Any]:
    params: dict[str, str | int] = {**start, "per_page": PAGE_SIZE}
    if stream == "tickets":
        params["include"] = "metric_sets"
    page: dict[str, Any] = connection.http.call_json(
        "GET",
        f"{API_PATH}/incremental/{stream}/cursor",
        action=ACTION,
        idempotent=True,
        params=params,
        quota=EXPORT_QUOTA,
    )
    metrics = {metric.get("ticket_id"): metric for metric in page.get("metric_sets") or []}
    for row in page.get(stream) or []:
        row.setdefault("metric_set", metrics.get(row.get("id")))
    return page


def _ticket_events(connection: Connection, ticket: dict[str, Any]) -> Iterator[Event]:
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
    has_times = is_known_stream and all(isinstance(state.get(name), int) for name in ("since", "seen"))
    return state if has_times else None


def _format_cursor(state: dict[str, Any]) -> str:
    return json.dumps(state, sort_keys=True)
