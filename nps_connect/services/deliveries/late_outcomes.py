"""Outcomes that come after the lease was lost: a receipt settles its delivery, an older value is replaced again."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlmodel import Session, col

from nps_connect.ledger import claims
from nps_connect.ledger.tables import AttemptRow, DeliveryRow
from nps_connect.records.deliveries import Receipt
from nps_connect.services.action_spec import ActionSpec, SettledDelivery
from nps_connect.services.deliveries.factory import NewDelivery, enqueue_deliveries

log = logging.getLogger(__name__)

REPEATED_ROUTE = "repeated"
"""In the key of a delivery that repeats the newest value, in place of its route."""

UNSETTLED_STATES = ("pending", "held")


def settle_late(
    session: Session,
    spec: ActionSpec,
    settled: Sequence[SettledDelivery],
    lost: Mapping[int, Mapping[str, Any]],
    token: str,
    now: datetime,
    queue_names: set[str],
) -> set[int]:
    """Settle deliveries whose lease was lost: by a receipt, if nobody has settled or started them since.

    Args:
        session: the transaction.
        spec: the action.
        settled: the deliveries of the claim.
        lost: the new column values of those whose lease was lost.
        token: the lost lease token.
        now: the current time.
        queue_names: queues with new work are added.

    Returns:
        The ids that are settled after all.
    """
    log.warning("lease_lost deliveries=%s", sorted(lost))
    late = [delivery for delivery in settled if delivery.row.id in lost and delivery.called]
    if spec.overwrites:
        queue_names |= _repeat_newest(session, spec, late, now)
        return set()
    receipts = {delivery.row.id or 0: delivery.outcome for delivery in late if isinstance(delivery.outcome, Receipt)}
    ids = claims.take_over(session, DeliveryRow, list(receipts), UNSETTLED_STATES, token=token, now=now)
    for delivery_id in sorted(receipts.keys() - ids):
        _record_repetition(session, delivery_id, receipts[delivery_id], now)
    return claims.settle_many(session, DeliveryRow, {row_id: lost[row_id] for row_id in ids}, token=token)


def _record_repetition(session: Session, delivery_id: int, receipt: Receipt, now: datetime) -> None:
    """Record an attempt that succeeded although the delivery was settled otherwise, or is being sent again."""
    log.error("carried_out_without_lease delivery=%s receipt=%s", delivery_id, receipt.id)
    message = f"the lease was lost during this attempt; the effect may be there twice; receipt: {receipt.id}"
    session.add(
        AttemptRow(delivery_id=delivery_id, started_at=now, finished_at=now, outcome="succeeded", message=message)
    )


def _repeat_newest(session: Session, spec: ActionSpec, late: Sequence[SettledDelivery], now: datetime) -> set[str]:
    """Queue the newest value of each contact again, because a late call may have overwritten it.

    It is a delivery of its own: the one that wrote the value may be running. Nothing is needed where one still waits.

    Returns:
        The queues with new work.
    """
    newest = (
        select(func.max(col(DeliveryRow.id)))
        .where(
            col(DeliveryRow.queue_name).in_({delivery.row.queue_name for delivery in late}),
            col(DeliveryRow.contact_id).in_({delivery.row.contact_id for delivery in late}),
            col(DeliveryRow.state).in_(("succeeded", "running", *UNSETTLED_STATES)),
        )
        .group_by(col(DeliveryRow.contact_id))
    )
    rows = session.execute(select(DeliveryRow).where(col(DeliveryRow.id).in_(newest))).scalars()
    repeated = [
        NewDelivery(
            connection=row.connection,
            action=spec.action,
            subject=row.key,
            route=REPEATED_ROUTE,
            due_at=now,
            contact_id=row.contact_id,
            invitation_id=row.invitation_id,
            response_id=row.response_id,
            revision=row.revision,
            options=row.options,
        )
        for row in rows
        if row.state not in UNSETTLED_STATES
    ]
    log.warning("newest_value_repeated action=%s deliveries=%d", spec.action, len(repeated))
    return enqueue_deliveries(session, repeated, now, skip_existing=True).queue_names
