"""A receiver of Standard Webhooks as a simulated vendor: it verifies each signature by the public package."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

from standardwebhooks.webhooks import Webhook

from nps_connect import Clock, SimulatedVendor, VendorReply, VendorRequest, json_reply, system_clock

SECRET = "whsec_c2VudGluZWwtc2VjcmV0LW9mLXRoZS1yZWNlaXZlcg=="
OLD_SECRET = "whsec_YW4tb2xkLXNlbnRpbmVsLXNlY3JldC1vZi10aGUtcmVjZWl2ZXI="
TOLERANCE = timedelta(minutes=5)


class SimulatedReceiver(SimulatedVendor):
    """Accepts a webhook whose signature fits its own secret and whose timestamp is recent; resends change nothing.

    Attributes:
        secret: the secret that it knows.
        attempts: the headers of every request, also refused ones.
        received: the bodies by id, as first received.
        replies: what it answers next, instead of an answer to the request.
    """

    name = "webhook"

    def __init__(self, clock: Clock = system_clock) -> None:
        super().__init__(clock)
        self.secret = SECRET
        self.attempts: list[dict[str, str]] = []
        self.received: dict[str, dict[str, Any]] = {}
        self.replies: list[VendorReply] = []
        self._lock = threading.Lock()

    def handle(self, request: VendorRequest) -> VendorReply:
        with self._lock:
            self.attempts.append(dict(request.headers))
            if self.replies:
                return self.replies.pop(0)
            if request.method != "POST" or not self._is_genuine(request):
                return json_reply(401, {"error": "signature"})
            self.received.setdefault(request.headers["webhook-id"], json.loads(request.body))
            return VendorReply(204)

    def _is_genuine(self, request: VendorRequest) -> bool:
        at = datetime.fromtimestamp(int(request.headers["webhook-timestamp"]), UTC)
        signature = Webhook(self.secret).sign(request.headers["webhook-id"], at, request.body.decode())
        is_recent = abs(at - self.clock()) < TOLERANCE
        return is_recent and signature in request.headers["webhook-signature"].split(" ")

    def state(self) -> dict[str, Any]:
        return {"received": self.received}

    def environment(self, base_url: str, connection: str) -> dict[str, str]:
        return {"SHOP_WEBHOOK_SECRET": self.secret}
