"""Simulated incremental exports by cursor.

Source: https://developer.zendesk.com/api-reference/ticketing/ticket-management/incremental_exports/.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from nps_connect import VendorReply, VendorRequest, json_reply
from nps_connect_zendesk.simulated.access_control import RateLimits
from nps_connect_zendesk.simulated.account import Account
from nps_connect_zendesk.simulated.replies import Refusal, bad_request

EXPORT_LAG = timedelta(seconds=60)


@dataclass
class ExportApi:
    """``/api/v2/incremental/{tickets,users}/cursor``."""

    account: Account
    limits: RateLimits

    def handle(self, request: VendorRequest, kind: str) -> VendorReply:
        """Return one page of changes since the cursor; the last minute is left out.

        Raises:
            Refusal: any error.
        """
        self.limits.export()
        after = self._after(request)
        size = max(1, min(1000, int(request.query.get("per_page", "1000"))))
        newest = self.account.clock() - EXPORT_LAG
        rows = self.account.tickets if kind == "tickets" else self.account.users
        changes = sorted(
            (at.timestamp(), number)
            for (changed_kind, number), at in self.account.changed.items()
            if changed_kind == kind and number in rows and at <= newest and (at.timestamp(), number) > after
        )
        page = changes[:size]
        last = page[-1] if page else after
        cursor = base64.b64encode(f"{last[0]!r}|{last[1]}".encode()).decode()
        body = {
            kind: [self._export_row(request, kind, number, int(at)) for at, number in page],
            "after_cursor": cursor,
            "after_url": f"{request.path}?cursor={cursor}",
            "before_cursor": None,
            "before_url": None,
            "end_of_stream": len(changes) <= size,
        }
        return json_reply(200, body)

    def _export_row(self, request: VendorRequest, kind: str, number: int, changed: int) -> dict[str, object]:
        row = (self.account.tickets if kind == "tickets" else self.account.users)[number]
        with_metrics = "metric_sets" in request.query.get("include", "").split(",")
        fields = {key: value for key, value in row.items() if with_metrics or key != "metric_set"}
        return {**fields, "generated_timestamp": changed} if kind == "tickets" else fields

    def _after(self, request: VendorRequest) -> tuple[float, int]:
        cursor = request.query.get("cursor")
        if cursor is not None:
            try:
                at, _, number = base64.b64decode(cursor, validate=True).decode().partition("|")
                return float(at), int(number)
            except ValueError:
                raise bad_request("InvalidValue", "Invalid cursor") from None
        start = request.query.get("start_time", "")
        if not start.isdigit():
            raise bad_request("InvalidValue", "start_time is missing")
        started_at = datetime.fromtimestamp(int(start), UTC)
        if started_at > self.account.clock() - EXPORT_LAG:
            text = "Too recent start_time. Use a start_time older than 60 seconds"
            raise Refusal(json_reply(422, {"error": "InvalidValue", "description": text}))
        return started_at.timestamp(), -1
