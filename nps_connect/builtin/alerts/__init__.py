"""Alerts channel: notifies staff through any service that Apprise supports."""

from __future__ import annotations

from nps_connect.builtin.alerts.alerts import nps_send_alerts
from nps_connect.builtin.alerts.check import nps_check
from nps_connect.builtin.alerts.connector import nps_connector

__all__ = ["nps_check", "nps_connector", "nps_send_alerts"]
