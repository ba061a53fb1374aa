"""Routing: responses become deliveries, inserted in the transaction that stores the responses.

The actions that the routes ask for are compared with the deliveries that exist. A changed response changes what has not
started and updates what has: it never opens a second ticket and never sends a second mail.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger.tables import DeliveryRow
from nps_connect.records.actions import Action, CancelCode, HoldCode
from nps_connect.rules.routing import PlannedAction, plan_actions
from nps_connect.services.cases.own_cases import open_own_cases
from nps_connect.services.contacts.store import RoutableResponse
from nps_connect.services.context import Context
from nps_connect.services.deliveries.cancel import UNSTARTED_STATES, cancel, mark_pending
from nps_connect.services.deliveries.factory import NewDelivery, enqueue_deliveries
from nps_connect.services.deliveries.settle import in_doubt_rule
from nps_connect.services.reviews.invitations import ReviewPlan, plan_review_invitations

PlannedDeliveries = Mapping[int, Sequence[DeliveryRow]]
"""The deliveries of responses by response id, oldest first."""


def load_planned_deliveries(session: Session, response_ids: Collection[int | None]) -> dict[int, list[DeliveryRow]]:
    """Lock and return the deliveries of responses, by response id, oldest first."""
    planned: dict[int, list[DeliveryRow]] = {response_id or 0: [] for response_id in response_ids}
    if planned:
        query = select(DeliveryRow).where(col(DeliveryRow.response_id).in_(planned)).order_by(col(DeliveryRow.id))
        for delivery in session.execute(query.with_for_update()).scalars():
            planned[delivery.response_id or 0].append(delivery)
    return planned


def route_responses(
    ctx: Context, session: Session, responses: Sequence[RoutableResponse], planned: PlannedDeliveries
) -> set[str]:
    """Plan the deliveries of the newest revisions of responses; return the queues with new work.

    Args:
        ctx: the context.
        session: the transaction of the responses.
        responses: the responses.
        planned: the deliveries that exist, see `load_planned_deliveries`; a first response has none.
    """
    if not responses:
        return set()
    new_deliveries: list[NewDelivery] = []
    queues: set[str] = set()
    plans: list[ReviewPlan] = []
    repeated: set[int | None] = set()
    without_ticket: list[RoutableResponse] = []
    for response in responses:
        router = _Router(ctx, session, response, new_deliveries, queues)
        if response.may_repeat:
            repeated.add(response.columns.id)
        plans.append(router.route(planned.get(response.columns.id or 0, ())))
        if router.needs_own_case:
            without_ticket.append(response)
    session.flush()
    queues |= plan_review_invitations(ctx, session, plans, new_deliveries)
    if repeated:
        new_deliveries = [
            _put_in_doubt(ctx, delivery) if delivery.response_id in repeated else delivery
            for delivery in new_deliveries
        ]
    queues |= enqueue_deliveries(session, new_deliveries, ctx.clock()).queue_names
    return queues | open_own_cases(ctx, session, without_ticket) if without_ticket else queues


@dataclass
class _Router:
    """Compares the planned actions of one response with its deliveries.

    Attributes:
        ctx: the context.
        session: the transaction of the response.
        response: the newest revision.
        new_deliveries: what is to be enqueued is added.
        queues: queues with existing deliveries that are due now are added.
        existing: its deliveries without review mails by action and connection, oldest first.
        needs_own_case: a detractor for whom no route opens a ticket; known after `route`.
    """

    ctx: Context
    session: Session
    response: RoutableResponse
    new_deliveries: list[NewDelivery]
    queues: set[str]
    existing: dict[tuple[str, str], list[DeliveryRow]] = field(default_factory=dict)
    needs_own_case: bool = False

    def route(self, deliveries: Sequence[DeliveryRow]) -> ReviewPlan:
        """Plan everything but review invitations, whose plan is returned."""
        review_mails: list[DeliveryRow] = []
        for delivery in deliveries:
            if delivery.action == "invite_review":
                review_mails.append(delivery)
            elif delivery.options.get("case") is None:  # reports of a case do not come from routes
                self.existing.setdefault((delivery.action, delivery.connection), []).append(delivery)
        offers: dict[str, PlannedAction] = {}
        actions: dict[tuple[str, str], PlannedAction] = {}
        grace_periods: dict[str, timedelta] = {}
        if not self.response.is_final:
            grace_periods = {name: spec.grace_period for name, spec in self.ctx.actions.items()}
        routes, response = self.ctx.settings.routes, self.response.response
        for action in plan_actions(routes, response=response, grace_periods=grace_periods):
            if action.action == "invite_review":
                offers[action.via] = action
            else:
                actions[action.action, action.via] = action
        self._carry_out(actions)
        is_unhappy = response.segment == "detractor" and self.ctx.settings.cases.own_cases and not self.ctx.shadow
        if is_unhappy and not any(action == "open_ticket" for action, _ in (*actions, *self.existing)):
            self.needs_own_case = True
        return ReviewPlan(self.response, offers, review_mails)

    def _carry_out(self, actions: Mapping[tuple[str, str], PlannedAction]) -> None:
        for target, earlier in self.existing.items():
            if target not in actions and self.ctx.actions[target[0]].alarms_staff:
                self._withdraw(earlier[-1])
        for target, action in actions.items():
            if target not in self.existing:
                self._enqueue(action.action, action.via, action.delay, _route_options(action))
            elif action.action == "write_score":
                self._replace_score(action, self.existing[target])
            else:
                self._update(action, self.existing[target][-1])

    def _withdraw(self, delivery: DeliveryRow) -> None:
        """Cancel a delivery that the response no longer leads to, or report the change on its ticket."""
        if _is_unstarted(delivery) and not delivery.in_doubt:
            cancel(self.ctx, self.session, delivery, CancelCode.RESPONSE_CHANGED)
        elif delivery.action == "open_ticket" and delivery.state != "cancelled":
            self._update_ticket(delivery)

    def _replace_score(self, action: PlannedAction, deliveries: Sequence[DeliveryRow]) -> None:
        """Write the newest revision once, and cancel the writes of earlier ones."""
        newest = deliveries[-1]
        if newest.revision == self.response.columns.revision:
            if newest.state == "pending":  # the Send button ends the grace period
                self._advance(newest, action)
            return
        for delivery in deliveries:
            if delivery.state in UNSTARTED_STATES:
                cancel(self.ctx, self.session, delivery, CancelCode.SUPERSEDED)
        self._enqueue(action.action, action.via, action.delay, _route_options(action))

    def _update(self, action: PlannedAction, delivery: DeliveryRow) -> None:
        """Bring a delivery up to date if it has not started, else report the change on its ticket."""
        if delivery.state == "cancelled" and delivery.first_started_at is None:
            mark_pending(delivery)
            delivery.revision, delivery.due_at = self.response.columns.revision, self.ctx.clock() + action.delay
            self.queues.add(delivery.queue_name)
        elif _is_unstarted(delivery):
            delivery.options = {**delivery.options, **_route_options(action)}
            self._advance(delivery, action)
        elif action.action == "open_ticket":
            self._update_ticket(delivery)

    def _advance(self, delivery: DeliveryRow, action: PlannedAction) -> None:
        delivery.due_at = min(delivery.due_at, self.ctx.clock() + action.delay)
        self.queues.add(delivery.queue_name)

    def _update_ticket(self, ticket: DeliveryRow) -> None:
        """Report the newest revision on a ticket once, and cancel earlier reports that have not started."""
        updates = self.existing.get(("update_ticket", ticket.connection), [])
        if any(update.revision == self.response.columns.revision for update in updates):
            return
        for update in updates:
            if _is_unstarted(update):
                cancel(self.ctx, self.session, update, CancelCode.SUPERSEDED)
        if self.ctx.connector_info(ticket.connection).action("update_ticket") is not None:
            options = {"reported_revision": ticket.revision}
            self._enqueue("update_ticket", ticket.connection, timedelta(0), options, follows=ticket)

    def _enqueue(
        self,
        action: Action,
        connection: str,
        delay: timedelta,
        options: Mapping[str, Any],
        *,
        follows: DeliveryRow | None = None,
    ) -> None:
        columns = self.response.columns
        waits = follows is not None and follows.state != "succeeded"
        self.new_deliveries.append(
            NewDelivery(
                connection=connection,
                action=action,
                subject=columns.public_id,
                key_revision=columns.revision if self.ctx.actions[action].is_ordered else None,
                due_at=self.ctx.clock() + delay,
                contact_id=columns.contact_id,
                invitation_id=columns.invitation_id,
                response_id=columns.id,
                revision=columns.revision,
                options=options,
                depends_on_id=follows.id if follows is not None else None,
                hold_code=HoldCode.SHADOW if self.ctx.shadow else HoldCode.WAITS_FOR_TICKET if waits else None,
            )
        )


def _put_in_doubt(ctx: Context, delivery: NewDelivery) -> NewDelivery:
    """Return a delivery that may have been carried out before the database was restored, as its action requires."""
    rule = in_doubt_rule(ctx, delivery.connection, delivery.action)
    if rule == "hold" and delivery.hold_code is None and delivery.cancel_code is None:
        return replace(delivery, hold_code=HoldCode.IN_DOUBT)
    return replace(delivery, in_doubt=rule == "look")


def _is_unstarted(delivery: DeliveryRow) -> bool:
    return delivery.state in UNSTARTED_STATES and delivery.first_started_at is None


def _route_options(action: PlannedAction) -> dict[str, Any]:
    options: dict[str, Any] = {"route": action.route}
    if action.action == "write_score":
        options["comment"] = action.comment
    return options
