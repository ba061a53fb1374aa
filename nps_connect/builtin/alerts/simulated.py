"""Simulated alert service: accepts what Apprise posts to ``json://`` addresses."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from nps_connect import (
    Clock,
    SimulatedVendor,
    VendorEffects,
    VendorReply,
    VendorRequest,
    VendorTable,
    json_reply,
    system_clock,
)


class SimulatedAlerts(SimulatedVendor):
    """Stores every received alert in order, resent ones too."""

    name = "alerts"

    def __init__(self, clock: Clock = system_clock) -> None:
        super().__init__(clock)
        self._lock = threading.Lock()
        self._alerts: list[dict[str, str]] = []

    def handle(self, request: VendorRequest) -> VendorReply:
        """Accept one alert."""
        if request.method != "POST":
            return json_reply(405, {"error": "alerts are posted"})
        try:
            sent = request.json()
            alert = {key: str(sent[key]) for key in ("title", "message", "type")}
        except (ValueError, TypeError, KeyError):
            return json_reply(400, {"error": "not an alert"})
        with self._lock:
            self._alerts.append(alert | {"path": request.path, "at": self.clock().isoformat()})
        return json_reply(200, {"ok": True})

    def state(self) -> dict[str, Any]:
        """Return the alerts in order."""
        with self._lock:
            return {"alerts": [dict(alert) for alert in self._alerts]}

    def environment(self, base_url: str, connection: str) -> dict[str, str]:
        """Return the address for the example configuration."""
        parts = urlsplit(base_url)
        return {"ALERT_URL": f"json://{parts.netloc}{parts.path.rstrip('/')}/{connection}"}

    def effects(self) -> VendorEffects:
        """Return the titles of the alerts in order."""
        with self._lock:
            return VendorEffects(alerts=tuple(alert["title"] for alert in self._alerts))

    def tables(self) -> Sequence[VendorTable]:
        """Return the alerts."""
        with self._lock:
            rows = [[alert["type"], alert["title"], alert["message"]] for alert in reversed(self._alerts)]
            return (VendorTable("Alerts", ("Kind", "Title", "Message"), rows),)
