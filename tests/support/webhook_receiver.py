"""A connection that receives webhooks, as a plugin without HTTP."""

from __future__ import annotations

from support.fake_vendors import EXAMPLE_CONFIGURATION, FakeVendor

from nps_connect import (
    ActionInfo,
    ConnectionSettings,
    ConnectorInfo,
    OutgoingWebhook,
    WebhookSubscription,
    WebhookType,
    hookimpl,
)


class ReceiverSettings(ConnectionSettings):
    """Settings of the connection."""

    types: tuple[WebhookType, ...] = ()
    all_decisions: bool = False


class FakeReceiver(FakeVendor):
    """Keeps the webhooks that it is sent."""

    items: list[OutgoingWebhook]

    @hookimpl
    def nps_connector(self):
        return ConnectorInfo(
            name="hooks",
            title="Hooks",
            settings=ReceiverSettings,
            actions=(ActionInfo(action="send_webhook", batch_size=10),),
            webhook_subscription=lambda settings: (
                WebhookSubscription(types=frozenset(settings.types), all_decisions=settings.all_decisions)
                if settings.types
                else None
            ),
            example=EXAMPLE_CONFIGURATION,
        )

    @hookimpl
    def nps_send_webhooks(self, connection, webhooks):
        return self._record_call(webhooks)
