"""The alerts channel: tells people of the company, over any service that Apprise knows."""

from __future__ import annotations

from nps_connect.channels.alerts.check import nps_check
from nps_connect.channels.alerts.connector import nps_connector
from nps_connect.channels.alerts.sending import nps_send_alerts

__all__ = ["nps_check", "nps_connector", "nps_send_alerts"]
