"""What an operator does to deliveries: select, retry and cancel them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlmodel import Session, col

from nps_connect.ledger.tables import ContactRow, DeliveryRow
from nps_connect.records.actions import CancelCode, cancel_text
from nps_connect.services.action_spec import ActionSpec, ActionSpecs
from nps_connect.services.contacts.store import load_person, surviving_contact
from nps_connect.services.deliveries.cancel import (
    UNSTARTED_STATES,
    cancel_dependents,
    mark_cancelled,
    release_reservations,
)
from nps_connect.settings.model import Settings

RETRYABLE_STATES = ("dead", "held")
CANCELLABLE_STATES = ("pending", "held", "dead")


@dataclass(frozen=True)
class DeliverySelection:
    """Filters on deliveries; None or empty means no filter, an empty tuple of `contacts` selects nothing.

    Attributes:
        states: in one of these.
        contacts: about one of these contacts, by id.
        connection: on this connection.
        action: of this action.
        error: the newest error is of this kind (such as `rejected`) or contains this text, ignoring case.
        since: created then or later.
        until: created before then.
        only_in_doubt: it may have taken effect.
    """

    states: tuple[str, ...] = ()
    contacts: tuple[int, ...] | None = None
    connection: str | None = None
    action: str | None = None
    error: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    only_in_doubt: bool = False

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return the SQL conditions."""
        row = DeliveryRow
        conditions: list[ColumnElement[bool]] = [col(row.state).in_(self.states)] if self.states else []
        conditions += [col(row.contact_id).in_(self.contacts)] if self.contacts is not None else []
        conditions += [col(row.connection) == self.connection] if self.connection is not None else []
        conditions += [col(row.action) == self.action] if self.action is not None else []
        if self.error is not None:
            contains = col(row.last_error).icontains(self.error, autoescape=True)
            conditions.append((col(row.error_kind) == self.error) | contains)
        conditions += [col(row.created_at) >= self.since] if self.since is not None else []
        conditions += [col(row.created_at) < self.until] if self.until is not None else []
        conditions += [col(row.in_doubt).is_(True)] if self.only_in_doubt else []
        return conditions


@dataclass(frozen=True)
class OperatorResult:
    """A delivery after an operator's action.

    Attributes:
        row: as it is now.
        refused: why it was left unchanged, or None.
    """

    row: DeliveryRow
    refused: str | None = None


def select_deliveries(session: Session, selection: DeliverySelection) -> list[DeliveryRow]:
    """Return the selected deliveries, oldest first, locked."""
    query = select(DeliveryRow).where(*selection.conditions()).order_by(col(DeliveryRow.id))
    return list(session.execute(query.with_for_update()).scalars())


def load_deliveries_by_id(session: Session, ids: list[int]) -> list[DeliveryRow]:
    """Return the deliveries with these ids, oldest first, locked; unknown ids are left out."""
    query = select(DeliveryRow).where(col(DeliveryRow.id).in_(ids)).order_by(col(DeliveryRow.id))
    return list(session.execute(query.with_for_update()).scalars())


def count_attempts(row: DeliveryRow) -> int:
    """Return how often a delivery was tried, the present or successful try included.

    `row.attempts` counts the failures since its retry plan began.
    """
    was_tried = row.state in ("running", "succeeded", "skipped") or (row.state == "held" and row.in_doubt)
    return row.attempts + (1 if was_tried and row.first_started_at is not None else 0)


def retry_by_operator(
    session: Session,
    row: DeliveryRow,
    *,
    actions: ActionSpecs,
    settings: Settings,
    now: datetime,
    even_if_sent: bool = False,
) -> OperatorResult:
    """Make one delivery due now with a new count of attempts; its queue is to be woken after the commit.

    One in doubt stays in doubt: where the plugin can look, it is looked for first.

    Args:
        session: the transaction.
        row: the delivery, locked.
        actions: every action.
        settings: the configuration.
        now: the present moment.
        even_if_sent: also customer mail that may have been sent already, and what succeeded and can be repeated.
    """
    reserve_again = actions[row.action].handler.reserve_again
    refused = _refusal_reason(session, row, actions, even_if_sent=even_if_sent)
    if refused is None and reserve_again is not None:
        refused = reserve_again(session, row, settings, now)
    if refused is not None:
        return OperatorResult(row, refused)
    row.state, row.due_at, row.attempts = "pending", now, 0
    row.hold_code = row.hold_detail = row.finished_at = row.error_kind = None
    if not row.in_doubt:
        row.first_started_at = None
    session.flush()
    return OperatorResult(row)


def cancel_by_operator(
    session: Session, row: DeliveryRow, *, actions: ActionSpecs, settings: Settings, now: datetime
) -> OperatorResult:
    """Cancel one delivery with those that wait for it; reservations stay if it may have been sent.

    Args:
        session: the transaction.
        row: the delivery, locked.
        actions: every action.
        settings: the configuration.
        now: the present moment.
    """
    if row.state not in CANCELLABLE_STATES:
        return OperatorResult(row, f"it is {row.state}; only pending, held and dead deliveries can be cancelled")
    earlier, reason = row.last_error, cancel_text(CancelCode.OPERATOR)
    mark_cancelled(row, CancelCode.OPERATOR, reason, now)
    if not row.in_doubt:
        release_reservations(session, row, actions, settings, now)
    if earlier is not None:
        row.last_error = f"{reason}; before: {earlier}"
    session.flush()
    cancel_dependents(session, [row.id or 0], UNSTARTED_STATES, now)
    return OperatorResult(row)


def _refusal_reason(session: Session, row: DeliveryRow, actions: ActionSpecs, *, even_if_sent: bool) -> str | None:
    spec = actions[row.action]
    if row.state == "succeeded" and spec.can_be_repeated:
        if row.payload is None:
            return "its content was removed by an erasure or by retention"
        return None if even_if_sent else "it was received; to send it again with the same id: --even-if-sent"
    if row.state not in RETRYABLE_STATES:
        return f"it is {row.state}; only dead and held deliveries are tried again"
    if spec.customer_facing and row.in_doubt and not even_if_sent:
        return "it may have been sent already; to send it again: --even-if-sent"
    if spec.follows_dependency and row.depends_on_id is not None:
        dependency = session.get(DeliveryRow, row.depends_on_id)
        if dependency is None or dependency.state != "succeeded":
            return f"it waits for delivery {row.depends_on_id}; retry that one"
    return suppression_refusal(session, row, spec)


def suppression_refusal(session: Session, row: DeliveryRow, spec: ActionSpec) -> str | None:
    """Return that a mail to a customer is refused because the person is suppressed; None if it may be sent."""
    contact = session.get(ContactRow, row.contact_id) if spec.customer_facing and row.contact_id else None
    person = load_person(session, surviving_contact(session, contact)) if contact is not None else None
    reason = person.suppression_reason if person is not None else None
    return f"suppressed: {reason}; see: nps-connect suppressions list" if reason is not None else None
