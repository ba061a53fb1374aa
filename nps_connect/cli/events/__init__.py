"""``nps-connect events``."""

from __future__ import annotations

from nps_connect.cli._support.lazy_group import build_group

COMMANDS = {
    "list": "List events or raw webhooks, newest first.",
    "show": "Show one event with its decisions and deliveries.",
    "replay": "Reprocess events after a fix.",
    "send": "Create an event manually.",
}

events = build_group(__name__, "List, replay and create inbound events.", COMMANDS)
