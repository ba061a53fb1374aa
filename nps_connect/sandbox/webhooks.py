"""Delivery of a simulated vendor's webhooks."""

from __future__ import annotations

import httpx

from nps_connect.simulation import VendorWebhook


def send_webhook(webhook: VendorWebhook, url: str, client: httpx.Client) -> int:
    """Send a webhook as its vendor would, and return the status of the response.

    Raises:
        httpx.HTTPError: the server did not respond.
    """
    return client.request(webhook.method, url, headers=dict(webhook.headers), content=webhook.body).status_code
