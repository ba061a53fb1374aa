"""Signed JSON webhooks of any source, read by a mapping in the configuration."""

from __future__ import annotations

from nps_connect.builtin.webhook.check import nps_check
from nps_connect.builtin.webhook.connector import nps_connector
from nps_connect.builtin.webhook.events import nps_parse_events
from nps_connect.builtin.webhook.sender import nps_send_webhooks
from nps_connect.builtin.webhook.signatures import nps_verify_webhook

__all__ = ["nps_check", "nps_connector", "nps_parse_events", "nps_send_webhooks", "nps_verify_webhook"]
