"""Sends a simulated vendor's webhooks to where they are wanted."""

from __future__ import annotations

import httpx

from nps_connect.simulation import VendorWebhook


def send_webhook(webhook: VendorWebhook, url: str, client: httpx.Client) -> int:
    """Send a webhook as its vendor would; the status of the answer.

    Raises:
        httpx.HTTPError: nobody answered.
    """
    return client.request(webhook.method, url, headers=dict(webhook.headers), content=webhook.body).status_code
