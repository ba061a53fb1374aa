"""What the tools of an assistant read: without the scope `people`, codes, numbers, pseudonyms and masked comments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger.approvals import ApprovalRow
from nps_connect.ledger.tables import ContactRow, DeliveryRow, ResponseRow
from nps_connect.records.api_requests import ApiModel
from nps_connect.records.api_results import ApiCaller, ApiProblem
from nps_connect.records.assistant_requests import ExplainRequest, PlansRequest, StatusRequest
from nps_connect.services.api.people import describe_person
from nps_connect.services.api.reads import execute_read
from nps_connect.services.approvals.approvals import plan_state
from nps_connect.services.assistants.people import find_person
from nps_connect.services.context import Context
from nps_connect.services.operations.explain import Timeline, explain_delivery, explain_event, explain_person
from nps_connect.services.operations.ledger_findings import find_findings
from nps_connect.services.operations.operator_pauses import marker_findings
from nps_connect.services.operations.status import load_status

MAX_PLANS = 20
MAX_ENTRIES = 100
"""Entries of an explanation: the newest."""

CODED_FACTS: Mapping[str, tuple[str, ...]] = {
    "event": ("kind", "connection", "source", "state", "occurred_at"),
    "decision": ("event_id", "trigger", "survey", "verdict", "reason", "eligible_at"),
    "invitation": ("survey", "touchpoint", "language", "state", "due_at", "sent_at", "expires_at"),
    "visit": ("purpose", "score"),
    "response": ("response", "revision", "score"),
    "case": ("connection", "state", "deadline", "reopened", "recovered_score"),
    "delivery": ("action", "connection", "state", "due_at", "finished_at"),
    "suppression": ("reason", "source"),
}
"""Facts of a timeline that are codes, configured names, numbers or moments; every other may name a person."""

_CONNECTION_FACTS = ("state", "deliveries", "held", "undecided", "unreadable", "last_event_at", "last_success_at")
_SYSTEM_FACTS = ("at", "mode", "surveys_today", "surveys_per_day", "deliveries", "held", "to_confirm", "workers")


def read_list(ctx: Context, caller: ApiCaller, query: ApiModel) -> dict[str, Any]:
    """Return responses, cases or the NPS, as the API does."""
    return execute_read(ctx, caller, query).model_dump(mode="json")


def read_plans(ctx: Context, caller: ApiCaller, _request: PlansRequest) -> dict[str, Any]:
    """Return the newest plans of a key with their state."""
    query = select(ApprovalRow).where(col(ApprovalRow.planned_by) == caller.name)
    with ctx.ledger.read() as session:
        rows = session.execute(query.order_by(col(ApprovalRow.id).desc()).limit(MAX_PLANS)).scalars()
        return {"plans": [describe_plan(ctx, row) for row in rows]}


def describe_plan(ctx: Context, row: ApprovalRow) -> dict[str, Any]:
    """Return what an assistant is told of a plan: what it would do, to how many people, and its state."""
    return {
        "plan": row.public_id,
        "kind": row.kind,
        "people": row.people,
        "items": row.items,
        "state": plan_state(row, ctx.clock()),
        "expires_at": row.expires_at,
    }


def read_status(ctx: Context, caller: ApiCaller, _request: StatusRequest) -> dict[str, Any]:
    """Return the status of the system and what needs attention, by kind; sentences need the scope `people`."""
    with ctx.ledger.read() as session:
        system = load_status(session, ctx.settings, ctx.clock(), ctx.ledger.storage.problem)
    findings = [
        {"finding": finding.id, "severity": finding.severity, "title": finding.kind.title}
        | ({"text": finding.text} if caller.has("people") else {})
        for finding in [*marker_findings(ctx.state_dir), *find_findings(system)]
        if finding.severity != "ok"
    ]
    connections = {
        name: {fact: getattr(connection, fact) for fact in _CONNECTION_FACTS}
        for name, connection in system.connections.items()
    }
    return {
        **{fact: getattr(system, fact) for fact in _SYSTEM_FACTS},
        "responses_today": asdict(system.responses_today),
        "paused": [{"scope": pause.scope, "cause": pause.cause, "since": pause.since} for pause in system.paused],
        "connections": connections,
        "findings": findings,
    }


def read_explanation(ctx: Context, caller: ApiCaller, request: ExplainRequest) -> dict[str, Any]:
    """Return what happened to a person, an event or a delivery, oldest first.

    Raises:
        ApiProblem: 404: there is no such thing. 403: the reference needs the scope `people`.
    """
    with ctx.ledger.read() as session:
        timeline = _build_timeline(ctx, session, caller, request)
        entries = timeline.entries[-MAX_ENTRIES:]
        codes = _load_error_codes(session, [entry.id for entry in entries if entry.kind == "delivery"])
        contacts = _load_contacts(session, timeline.contacts)
        return {
            "people": [describe_person(ctx, caller, row).model_dump() for row in contacts],
            "suppressed": timeline.suppressed,
            "cooldown_until": timeline.eligible_at,
            "truncated": bool(timeline.truncated) or len(entries) < len(timeline.entries),
            "entries": [
                {"at": entry.at, "entry": entry.kind, "number": entry.id}
                | {fact: entry.facts.get(fact) for fact in CODED_FACTS[entry.kind]}
                | (codes.get(entry.id, {}) if entry.kind == "delivery" else {})
                | ({"text": entry.text} if caller.has("people") else {})
                for entry in entries
            ],
        }


def _build_timeline(ctx: Context, session: Session, caller: ApiCaller, request: ExplainRequest) -> Timeline:
    zone, timeline = ctx.settings.core.zone, None
    if request.event is not None:
        timeline = explain_event(session, request.event, zone=zone)
    elif request.delivery is not None:
        timeline = explain_delivery(session, request.delivery, zone=zone)
    else:
        rows: Sequence[ContactRow]
        if request.contact is not None:
            rows = find_person(ctx, session, caller, request.contact)
        else:
            query = select(ContactRow).join(ResponseRow, col(ResponseRow.contact_id) == col(ContactRow.id))
            rows = session.execute(query.where(col(ResponseRow.public_id) == request.response)).scalars().all()
        if rows:
            timeline = explain_person(session, rows, now=ctx.clock(), connections=list(ctx.connections), zone=zone)
    if timeline is None:
        raise ApiProblem(404, "unknown", "there is nothing with this id")
    return timeline


def _load_contacts(session: Session, references: Sequence[str]) -> Sequence[ContactRow]:
    """Return the contacts that a timeline names as ``connection:id``."""
    pairs = [reference.partition(":") for reference in references]
    rows = [
        session.execute(
            select(ContactRow).where(col(ContactRow.connection) == name, col(ContactRow.vendor_id) == vendor_id)
        )
        .scalars()
        .first()
        for name, _, vendor_id in pairs
    ]
    return [row for row in rows if row is not None]


def _load_error_codes(session: Session, ids: Sequence[int]) -> dict[int, dict[str, str | None]]:
    columns = col(DeliveryRow.id), col(DeliveryRow.error_kind), col(DeliveryRow.hold_code)
    rows = session.execute(select(*columns).where(col(DeliveryRow.id).in_(ids)))
    return {row_id: {"error": error_kind, "held_because": hold_code} for row_id, error_kind, hold_code in rows}
