"""Receipts: one ticket belongs to one delivery, whatever a plugin answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sqlalchemy import select
from sqlmodel import col

from nps_connect.errors import PluginError
from nps_connect.ledger.tables import DeliveryRow
from nps_connect.records.deliveries import Receipt
from nps_connect.services.context import Context

UNIQUE_RECEIPT_ACTIONS = frozenset({"open_ticket"})
"""Actions whose receipt names something that was made for this delivery alone."""


class DuplicateReceipt(PluginError):
    """A plugin answered with the receipt of another delivery: a person must look."""


def reject_duplicate_receipts(
    ctx: Context, connection: str, action: str, rows: Sequence[DeliveryRow], outcomes: Sequence[Receipt | Exception]
) -> list[Receipt | Exception]:
    """The same outcomes, with `DuplicateReceipt` in place of receipts that belong to another delivery."""
    receipts = [one.id for one in outcomes if isinstance(one, Receipt)]
    if action not in UNIQUE_RECEIPT_ACTIONS or not receipts:
        return list(outcomes)
    twice = {receipt for receipt, times in Counter(receipts).items() if times > 1}
    with ctx.ledger.read() as session:
        taken = set(
            session.execute(
                select(col(DeliveryRow.receipt_id)).where(
                    col(DeliveryRow.connection) == connection,
                    col(DeliveryRow.receipt_id).in_(receipts),
                    col(DeliveryRow.action) == action,
                    col(DeliveryRow.id).not_in([row.id or 0 for row in rows]),
                )
            ).scalars()
        )
    foreign = twice | taken
    told = "answered with the receipt of another delivery"
    return [
        DuplicateReceipt(ctx.plugin_name(connection), f"{told} ({one.id})")
        if isinstance(one, Receipt) and one.id in foreign
        else one
        for one in outcomes
    ]
