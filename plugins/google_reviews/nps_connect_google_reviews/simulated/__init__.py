"""Simulated review page; counts visits by place."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from html import escape
from typing import Any

from nps_connect import Clock, SimulatedVendor, VendorReply, VendorRequest, VendorTable, system_clock

PLACE_ID = "ChIJsimulated-place-of-the-sandbox"


class Simulated(SimulatedVendor):
    """Simulates the page on which a person writes a review. There is no login, and no review is stored."""

    name = "google_reviews"

    def __init__(self, clock: Clock = system_clock) -> None:
        super().__init__(clock)
        self._lock = threading.Lock()
        self._visits: Counter[str] = Counter()

    def handle(self, request: VendorRequest) -> VendorReply:
        """Return the review page of a place; a HEAD request is not counted as a visit."""
        if request.method not in {"GET", "HEAD"}:
            return _page(405, "This page is read-only.")
        place = self._place(request)
        if place is None:
            return _page(404, "There is no such place.")
        if request.method == "GET":
            with self._lock:
                self._visits[place] += 1
        return _page(200, f"Simulated review page of the place {place}")

    def _place(self, request: VendorRequest) -> str | None:
        if request.path == "/local/writereview":
            return request.query.get("placeid") or None
        return request.path if request.path.startswith("/r/") else None

    def state(self) -> dict[str, Any]:
        """Return the number of visits by place (by id, or by the path of its short address)."""
        with self._lock:
            return {"visits": dict(self._visits)}

    def environment(self, base_url: str, connection: str) -> dict[str, str]:
        """Return the variables that replace Google's address with this page, and the example's place with its own."""
        prefix = f"NPS_CONNECT_CONNECTIONS__{connection.upper().replace('-', '_')}"
        return {f"{prefix}__BASE_URL": base_url, f"{prefix}__PLACE_ID": PLACE_ID}

    def tables(self) -> Sequence[VendorTable]:
        """Return the visits of each place's review page."""
        with self._lock:
            rows = [[place, str(count)] for place, count in self._visits.items()]
            return (VendorTable("Visits of review pages", ("Place", "Visits"), rows),)


def _page(status: int, text: str) -> VendorReply:
    body = f"<!doctype html><html lang=en><title>Reviews (simulated)</title><h1>{escape(text)}</h1></html>"
    return VendorReply(status, body.encode(), {"content-type": "text/html; charset=utf-8"})
