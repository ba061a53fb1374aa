"""Sends alerts to staff."""

from __future__ import annotations

from collections.abc import Sequence

from nps_connect import Alert, Connection, DeliveryError, Receipt, RetryLater, hookimpl
from nps_connect.builtin.alerts.apprise_client import build_service, send_notification
from nps_connect.builtin.alerts.settings import AlertsSettings


@hookimpl
def nps_send_alerts(
    connection: Connection[AlertsSettings], alerts: Sequence[Alert]
) -> Sequence[Receipt | DeliveryError]:
    """Send each alert to every address. Services return no id, so the receipt holds the alert's own key."""
    return [_send(connection, alert) for alert in alerts]


def _send(connection: Connection[AlertsSettings], alert: Alert) -> Receipt | DeliveryError:
    settings = connection.settings
    failed = 0
    for url in settings.urls:
        service = build_service(url, settings.timeout)
        body = alert.full_text
        if service is None or not send_notification(service, title=alert.title, body=body, severity=alert.severity):
            failed += 1
    if failed:
        return RetryLater(f"{failed} of {len(settings.urls)} addresses did not accept the alert")
    return Receipt(id=alert.idempotency_key)
