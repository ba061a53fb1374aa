"""``nps-connect connections``."""

from __future__ import annotations

from nps_connect.cli._support.lazy_group import build_group

COMMANDS = {
    "list": "List connections and their state.",
    "check": "Check credentials, permissions, setup and incoming events.",
    "login": "Authorize access to a vendor account (OAuth consent).",
    "plan": "Show missing objects in a vendor account.",
    "apply": "Create missing objects in a vendor account.",
}

connections = build_group(__name__, "Check connections and set up their vendor accounts.", COMMANDS)
