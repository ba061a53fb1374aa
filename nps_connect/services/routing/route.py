"""Route: from an answer to deliveries, inserted in the answer's own transaction.

What is wanted (by the rules) is compared with what is planned already, so that a changed answer changes what has not
happened yet and updates what has; it never opens a second ticket and never sends a second mail.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger.tables import ContactRow, DeliveryRow, ResponseRow
from nps_connect.ledger.upserts import insert_many
from nps_connect.records.deliveries import CancelCode, HoldCode
from nps_connect.records.responses import ContactResponse
from nps_connect.rules.routing import PlannedAction, delivery_key, grace_period, plan_actions
from nps_connect.services.contacts.response_records import ResponseColumns
from nps_connect.services.contacts.store import merged_contact_ids
from nps_connect.services.context import Context, delivery_queue
from nps_connect.services.deliveries.cancel import cancel
from nps_connect.services.reviews.first_invitations import FirstResponse, plan_first_invitations
from nps_connect.services.reviews.invitations import plan_invitation
from nps_connect.services.reviews.review_pages import has_review_routes

DeliveriesByTarget = dict[tuple[str, str], list[DeliveryRow]]

UNSTARTED_STATES = ("pending", "held")


def load_planned_deliveries(session: Session, response_ids: Collection[int]) -> dict[int, list[DeliveryRow]]:
    """What several answers have led to so far, locked, oldest first."""
    found: dict[int, list[DeliveryRow]] = {number: [] for number in response_ids}
    if found:
        query = select(DeliveryRow).where(col(DeliveryRow.response_id).in_(found)).order_by(col(DeliveryRow.id))
        for row in session.execute(query.with_for_update()).scalars():
            found[row.response_id or 0].append(row)
    return found


@dataclass
class RoutingBatch:
    """What the answers of one transaction lead to, to be written together by `save_routing_batch`.

    Attributes:
        rows: what each answer has led to so far, as `load_planned_deliveries` gives it.
        new: deliveries that are to be inserted.
        firsts: answers that have no review invitation yet.
        queues: those that have new work.
    """

    rows: Mapping[int, Sequence[DeliveryRow]]
    new: list[dict[str, Any]] = field(default_factory=list)
    first_responses: list[FirstResponse] = field(default_factory=list)
    queues: set[str] = field(default_factory=set)


DELIVERY_DEFAULTS: dict[str, Any] = {
    **dict.fromkeys(("hold_code", "cancel_code", "depends_on_id", "last_error", "finished_at")),
    "attempts": 0,
    "in_doubt": False,
}
"""What is not told of a new delivery."""


def save_routing_batch(ctx: Context, session: Session, batch: RoutingBatch) -> None:
    """Write what several answers lead to."""
    if batch.first_responses:
        batch.queues |= plan_first_invitations(ctx, session, batch.first_responses, batch.new)
    session.flush()
    insert_many(session, DeliveryRow, [{**DELIVERY_DEFAULTS, **row} for row in batch.new])


def route_first_response(ctx: Context, batch: RoutingBatch, first: FirstResponse, *, sent: bool) -> None:
    """Plan the deliveries of an answer that has led to nothing yet; its `planned` is filled in here."""
    now, invites = ctx.clock(), []
    for planned in plan_actions(ctx.settings.routes, response=first.response, is_final=sent):
        if planned.action == "invite_review":
            invites.append(planned)
            continue
        row = _delivery_columns(
            ctx, first.answer, planned.action, planned.via, now + planned.delay, _route_options(planned), now
        )
        batch.new.append(row)
        batch.queues.add(row["queue_name"])
    if has_review_routes(ctx):
        batch.first_responses.append(first._replace(planned=invites))


def route_response(
    ctx: Context,
    session: Session,
    batch: RoutingBatch,
    response: ResponseRow,
    answered: ContactResponse,
    contact: ContactRow,
    *,
    sent: bool,
) -> None:
    """Plan the deliveries of an answer's newest revision.

    Args:
        ctx: the joined parts.
        session: the answer's transaction.
        batch: takes what is to be written; nothing of it is before `save_routing_batch`.
        response: the newest revision.
        answered: the same as a record, with the person.
        contact: the person.
        sent: the Send button was pressed.
    """
    planned_all = plan_actions(ctx.settings.routes, response=answered.response, is_final=sent)
    wanted = {(one.action, one.via): one for one in planned_all if one.action != "invite_review"}
    reviews: list[DeliveryRow] = []
    known: DeliveriesByTarget = {}
    for row in batch.rows.get(response.id or 0, ()):
        if row.action == "invite_review":
            reviews.append(row)
        elif row.options.get("case") is None:  # what a case tells by itself is none of the routes'
            known.setdefault((row.action, row.connection), []).append(row)
    planning = _ResponsePlanner(ctx, session, response, sent, batch)
    for (action, via), told in known.items():
        if (action, via) not in wanted and action in ("open_ticket", "send_alert"):
            planning.withdraw(action, told[-1], known.get(("update_ticket", via), []))
    for key, planned in wanted.items():
        planning.ensure_planned(planned, known.get(key, []), known.get(("update_ticket", planned.via), []))
    invites = [one for one in planned_all if one.action == "invite_review"]
    if response.revision == 1 and not reviews:
        if has_review_routes(ctx):
            merged = bool(merged_contact_ids(session, contact)[1:])
            contacted, mailbox = answered.contact, contact.mailbox
            batch.first_responses.append(
                FirstResponse(response, answered.response, contacted, mailbox, merged, True, invites)
            )
        return
    session.flush()
    batch.queues |= plan_invitation(ctx, session, response, answered, invites, reviews)


class _ResponsePlanner:
    """The planning of one revision."""

    def __init__(
        self,
        ctx: Context,
        session: Session,
        response: ResponseRow,
        sent: bool,
        batch: RoutingBatch,
    ) -> None:
        self._ctx = ctx
        self._session = session
        self._response = response
        self._sent = sent
        self._new, self.queues = batch.new, batch.queues
        self._now = ctx.clock()

    def ensure_planned(self, planned: PlannedAction, rows: list[DeliveryRow], updates: list[DeliveryRow]) -> None:
        """See to it that a wanted action is planned, once, with the newest content."""
        due = self._now + planned.delay
        if planned.action == "write_score":
            self._write_score(planned, rows, due)
            return
        row = rows[-1] if rows else None
        if row is None:
            self._add(planned, due)
        elif row.state == "cancelled" and row.first_started_at is None:
            self._revive(row, due)
        elif row.state in UNSTARTED_STATES and row.first_started_at is None:
            row.options = {**row.options, **_route_options(planned)}
            row.due_at = min(row.due_at, due)
            self.queues.add(row.queue_name)
        elif planned.action == "open_ticket":
            self._update_ticket(row, updates)

    def withdraw(self, action: str, row: DeliveryRow, updates: list[DeliveryRow]) -> None:
        """The newest answer does not ask for this any more: stop it if it has not started, else tell the ticket."""
        if row.state in UNSTARTED_STATES and row.first_started_at is None and not row.in_doubt:
            cancel(self._ctx, self._session, row, CancelCode.RESPONSE_CHANGED)
        elif action == "open_ticket" and row.state != "cancelled":
            self._update_ticket(row, updates)

    def _write_score(self, planned: PlannedAction, rows: list[DeliveryRow], due: datetime) -> None:
        newest = rows[-1] if rows else None
        if newest is not None and newest.revision == self._response.revision:
            if newest.state == "pending":  # Send was pressed after the same score: nothing settles any longer
                newest.due_at = min(newest.due_at, due)
                self.queues.add(newest.queue_name)
            return
        for row in rows:
            if row.state in UNSTARTED_STATES:
                cancel(self._ctx, self._session, row, CancelCode.SUPERSEDED)
        self._add(planned, due)

    def _add(self, planned: PlannedAction, due: datetime) -> None:
        self._insert(planned.action, planned.via, due, options=_route_options(planned))

    def _update_ticket(self, ticket: DeliveryRow, updates: list[DeliveryRow]) -> None:
        if any(row.revision == self._response.revision for row in updates):
            return
        for row in updates:
            if row.state in UNSTARTED_STATES and row.first_started_at is None:
                cancel(self._ctx, self._session, row, CancelCode.SUPERSEDED)
        if self._ctx.connector_info(ticket.connection).action("update_ticket") is None:
            return
        due = self._now + grace_period("update_ticket", self._sent)
        self._insert(
            "update_ticket",
            ticket.connection,
            due,
            after=ticket,
            options={"reported_revision": ticket.revision},
        )

    def _insert(
        self,
        action: str,
        connection: str,
        due: datetime,
        *,
        options: dict[str, Any],
        after: DeliveryRow | None = None,
    ) -> None:
        row = _delivery_columns(self._ctx, self._response, action, connection, due, options, self._now)
        if after is not None:
            row["depends_on_id"] = after.id
            if after.state != "succeeded" and row["state"] == "pending":
                row["state"], row["hold_code"] = "held", HoldCode.WAITS_FOR_TICKET
        self._new.append(row)
        self.queues.add(row["queue_name"])

    def _revive(self, row: DeliveryRow, due: datetime) -> None:
        row.state, row.due_at = "pending", due
        row.finished_at = row.last_error = row.cancel_code = None
        row.revision = self._response.revision
        self.queues.add(row.queue_name)


def _delivery_columns(
    ctx: Context,
    answer: ResponseColumns,
    action: str,
    connection: str,
    due: datetime,
    options: dict[str, Any],
    now: datetime,
) -> dict[str, Any]:
    """A delivery of an answer's newest revision, not written yet."""
    once = action not in ("write_score", "update_ticket")
    hold = HoldCode.SHADOW if ctx.shadow else None
    return {
        "key": delivery_key(
            action=action, subject=answer.public_id, revision=None if once else answer.revision, route=connection
        ),
        "queue_name": delivery_queue(connection, action),
        "connection": connection,
        "action": action,
        "state": "held" if hold else "pending",
        "hold_code": hold,
        "due_at": due,
        "contact_id": answer.contact_id,
        "invitation_id": answer.invitation_id,
        "response_id": answer.id,
        "revision": answer.revision,
        "options": options,
        "created_at": now,
    }


def _route_options(planned: PlannedAction) -> dict[str, Any]:
    options: dict[str, Any] = {"route": planned.route}
    if planned.action == "write_score":
        options["comment"] = planned.comment
    return options
