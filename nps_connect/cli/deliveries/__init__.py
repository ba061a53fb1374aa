"""``nps-connect deliveries``."""

from __future__ import annotations

from nps_connect.cli._support.lazy_group import build_group

COMMANDS = {
    "list": "List deliveries, newest first.",
    "show": "Show one delivery with all attempts.",
    "retry": "Retry dead or held deliveries.",
    "cancel": "Cancel pending, held or dead deliveries.",
}

deliveries = build_group(__name__, "List, inspect, retry and cancel outbound deliveries.", COMMANDS)
