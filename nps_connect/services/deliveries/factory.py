"""The one place that makes delivery rows."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlmodel import Session

from nps_connect.ledger.columns import delivery_queue
from nps_connect.ledger.tables import DeliveryRow
from nps_connect.ledger.upserts import insert_many
from nps_connect.records.actions import CancelCode, HoldCode, cancel_text

_NOT_READABLE = re.compile(r"[^a-z0-9]+")
_READABLE_LENGTH = 24
_encode_json = json.JSONEncoder(ensure_ascii=False).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDelivery:
    """A delivery to be enqueued.

    It starts `held` with a `hold_code`, `cancelled` with a `cancel_code` (a recorded "no"), else `pending`.

    Attributes:
        connection: the connection that carries it out.
        action: the action's name.
        subject: public id of what is delivered; part of the idempotency key, as are the next two.
        route: stable name of what led to it; None means the connection.
        key_revision: revision of the response where every revision is a delivery of its own.
        due_at: when it may start (UTC).
        contact_id, invitation_id, response_id, revision: what it is about.
        options: what the planner tells the preparation, JSON-ready.
        payload: what is sent, JSON-ready, where it is fixed from the start: for all deliveries of a call, or for none.
        depends_on_id: the delivery that it follows.
        in_doubt: it may have been carried out already: it is looked for first.
        hold_code, hold_detail: why it is held.
        cancel_code, cancel_detail: why it is not sent at all.
    """

    connection: str
    action: str
    subject: str
    route: str | None = None
    key_revision: int | None = None
    due_at: datetime
    contact_id: int | None = None
    invitation_id: int | None = None
    response_id: int | None = None
    revision: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    payload: Mapping[str, Any] | None = None
    depends_on_id: int | None = None
    in_doubt: bool = False
    hold_code: HoldCode | None = None
    hold_detail: str | None = None
    cancel_code: CancelCode | None = None
    cancel_detail: str | None = None


class EnqueueResult(NamedTuple):
    """What `enqueue_deliveries` wrote.

    Attributes:
        inserted: number of new rows.
        queue_names: queues with new pending work, to be woken after the commit.
    """

    inserted: int
    queue_names: set[str]


def enqueue_deliveries(
    session: Session, deliveries: Sequence[NewDelivery], now: datetime, *, skip_existing: bool = False
) -> EnqueueResult:
    """Insert deliveries.

    Args:
        session: the transaction.
        deliveries: what to insert, in this order.
        now: time of creation.
        skip_existing: leave out deliveries whose key exists already, instead of raising `IntegrityError`.
    """
    rows: list[dict[str, Any]] = []
    queue_names: set[str] = set()
    for delivery in deliveries:
        rows.append(columns := _delivery_columns(delivery, now))
        if columns["state"] == "pending":
            queue_names.add(columns["queue_name"])
    if not skip_existing:
        insert_many(session, DeliveryRow, rows)
        return EnqueueResult(len(rows), queue_names)
    returned = ("queue_name", "state")
    inserted = insert_many(session, DeliveryRow, rows, skip_existing=("key",), returning=returned)
    return EnqueueResult(len(inserted), {queue_name for queue_name, state in inserted if state == "pending"})


def _delivery_columns(delivery: NewDelivery, now: datetime) -> dict[str, Any]:
    cancelled = delivery.cancel_code is not None
    columns = {
        "key": delivery_key(
            action=delivery.action,
            subject=delivery.subject,
            revision=delivery.key_revision,
            route=delivery.connection if delivery.route is None else delivery.route,
        ),
        "queue_name": delivery_queue(delivery.connection, delivery.action),
        "connection": delivery.connection,
        "action": delivery.action,
        "state": "cancelled" if cancelled else "pending" if delivery.hold_code is None else "held",
        "due_at": delivery.due_at,
        "contact_id": delivery.contact_id,
        "invitation_id": delivery.invitation_id,
        "response_id": delivery.response_id,
        "revision": delivery.revision,
        "options": delivery.options,
        "depends_on_id": delivery.depends_on_id,
        "in_doubt": delivery.in_doubt or delivery.hold_code is HoldCode.IN_DOUBT,
        "hold_code": delivery.hold_code,
        "hold_detail": delivery.hold_detail,
        "cancel_code": delivery.cancel_code,
        "last_error": cancel_text(delivery.cancel_code, delivery.cancel_detail) if delivery.cancel_code else None,
        "finished_at": now if cancelled else None,
        "created_at": now,
    }
    if delivery.payload is not None:
        columns["payload"] = delivery.payload
    return columns


def delivery_key(*, action: str, subject: str, revision: int | None, route: str | None) -> str:
    """Return the idempotency key of a delivery; the same arguments give the same key in every process and release.

    At most 108 characters of ``a-z 0-9 _ -``, so that it fits into a header.

    Args:
        action: name of the action.
        subject: public id of what is delivered; its beginning is readable in the key, so never an address.
        revision: revision of the response, where every revision is a delivery of its own; else None.
        route: stable name of the route, such as its connection (not its index, which changes with the configuration).
    """
    number = "null" if revision is None else revision
    name = "null" if route is None else _encode_json(route)
    # A JSON list written by hand: encoding the whole list takes ten times as long.
    facts = f"[{_encode_json(action)}, {_encode_json(subject)}, {number}, {name}]"
    digest = hashlib.sha256(facts.encode("utf-8", "surrogatepass")).hexdigest()
    readable = _NOT_READABLE.sub("-", subject.lower())[:_READABLE_LENGTH].strip("-")
    return f"{action}-{readable}-{digest}"
