"""The action `send_webhook`: what connections with subscriptions are told about."""

from __future__ import annotations

from nps_connect.ledger.tables import DeliveryRow
from nps_connect.records.webhooks import OutgoingWebhook
from nps_connect.services.action_spec import ActionHandler, NotAttempted, PreparationBatch


def _build_webhook(_batch: PreparationBatch, row: DeliveryRow) -> OutgoingWebhook | NotAttempted:
    if row.payload is None:
        return NotAttempted.skipped("its content is older than retention.comments and was removed")
    return OutgoingWebhook.model_validate({"idempotency_key": row.key, **row.payload})


SEND_WEBHOOK_HANDLER = ActionHandler(build=_build_webhook)
