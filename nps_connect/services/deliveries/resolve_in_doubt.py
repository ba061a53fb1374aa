"""Doubt: look at the vendor whether an earlier try took effect, before trying again."""

from __future__ import annotations

import logging

from nps_connect.errors import DeliveryError, OutcomeUnknown
from nps_connect.ledger.tables import DeliveryRow
from nps_connect.records.deliveries import Action, DeliveryView, Payload, Receipt
from nps_connect.services.context import Context

log = logging.getLogger(__name__)


def find_existing(
    ctx: Context, connection: str, action: Action, row: DeliveryRow, item: Payload
) -> Receipt | DeliveryError | None:
    """A receipt if the effect is there, none if it surely is not, an error if the vendor cannot tell now."""
    if not ctx.has(connection, "nps_find_existing"):
        return OutcomeUnknown("an earlier try may have been applied, and the plugin cannot look")
    view = DeliveryView(
        action=action,
        idempotency_key=row.key,
        payload=item,
        first_started_at=row.first_started_at or ctx.clock(),
    )
    try:
        found: Receipt | None = ctx.plugins.call(
            ctx.plugin_name(connection), "nps_find_existing", connection=ctx.connections[connection], delivery=view
        )
    except DeliveryError as error:
        return error
    except Exception as error:  # contained: the delivery stays in_doubt
        log.exception("plugin failed to look connection=%s delivery=%s", connection, row.id)
        return OutcomeUnknown(f"the plugin failed to look ({type(error).__name__})")
    return found
