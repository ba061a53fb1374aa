"""E-mail channel: sends messages and alerts over SMTP and reads bounce reports."""

from __future__ import annotations

from nps_connect.builtin.email.bounce_mailbox import nps_fetch_bounces
from nps_connect.builtin.email.bounce_reports import nps_read_bounces
from nps_connect.builtin.email.check import nps_check
from nps_connect.builtin.email.connector import nps_connector
from nps_connect.builtin.email.messages import nps_send_alerts, nps_send_messages

__all__ = [
    "nps_check",
    "nps_connector",
    "nps_fetch_bounces",
    "nps_read_bounces",
    "nps_send_alerts",
    "nps_send_messages",
]
