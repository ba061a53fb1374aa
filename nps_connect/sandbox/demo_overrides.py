"""Environment overrides that let a demo show in seconds what takes days."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TRIGGER_DELAY = "4s"
ROUTE_DELAY = "1s"
SURVEYS_PER_DAY = 1_000_000


def build_demo_overrides(table: Mapping[str, Any], public_url: str) -> dict[str, str]:
    """Variables that put a configuration into live mode on this machine, with short delays.

    Args:
        table: the configuration, as read from TOML.
        public_url: where the product will answer: ``http://127.0.0.1:<port>``.
    """
    overrides = {
        "NPS_CONNECT_CORE__MODE": "live",
        "NPS_CONNECT_CORE__PUBLIC_URL": public_url,
        "NPS_CONNECT_CORE__LISTEN": public_url.removeprefix("http://"),
        "NPS_CONNECT_CORE__DATABASE_URL": "sqlite:///nps-connect.db",
        "NPS_CONNECT_LIMITS__SURVEYS_PER_DAY": str(SURVEYS_PER_DAY),
        "NPS_CONNECT_REVIEWS__WAIT_FOR_TICKET": "0s",
        "NPS_CONNECT_LIMITS__QUIET_HOURS": "off",
        "NPS_CONNECT_LIMITS__QUIET_DAYS": "[]",
    }
    for number in range(1, len(table.get("triggers", ())) + 1):
        overrides[f"NPS_CONNECT_TRIGGERS__{number}__DELAY"] = TRIGGER_DELAY
    for number in range(1, len(table.get("routes", ())) + 1):
        overrides[f"NPS_CONNECT_ROUTES__{number}__DELAY"] = ROUTE_DELAY
    return overrides
