"""What a product that works with a sandbox has set differently, so that nobody waits for days."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any

TRIGGER_DELAY = "4s"
ROUTE_DELAY = "1s"


def short_delays(table: Mapping[str, Any]) -> dict[str, str]:
    """Return environment variables that replace the delays of triggers and routes by seconds.

    Args:
        table: the configuration, as parsed from TOML.
    """
    overrides = {"NPS_CONNECT_REVIEWS__WAIT_FOR_TICKET": "0s"}
    for number in range(1, len(table.get("triggers", ())) + 1):
        overrides[f"NPS_CONNECT_TRIGGERS__{number}__DELAY"] = TRIGGER_DELAY
    for number in range(1, len(table.get("routes", ())) + 1):
        overrides[f"NPS_CONNECT_ROUTES__{number}__DELAY"] = ROUTE_DELAY
    return overrides


def free_product_url() -> str:
    """Return an address of a loopback port that is free now, without a trailing slash."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"
