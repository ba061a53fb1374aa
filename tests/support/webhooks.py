"""Hand one webhook to the product's door, which takes batches."""

from __future__ import annotations

from nps_connect.records.events import WebhookRequest
from nps_connect.web.backend import WebBackend


def accept_webhook(backend: WebBackend, connection: str, request: WebhookRequest) -> None:
    """Store one webhook.

    Raises:
        WebhookRejected: its signature or content is invalid.
    """
    [error] = backend.accept_webhooks([(connection, request)])
    if error is not None:
        raise error
