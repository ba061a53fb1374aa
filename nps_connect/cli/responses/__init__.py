"""``nps-connect responses``."""

from __future__ import annotations

from nps_connect.cli._support.lazy_group import build_group

COMMANDS = {
    "export": "Export responses as CSV or JSON, oldest first.",
    "import": "Import responses from another tool.",
    "list": "List responses, newest first.",
    "show": "Show one response with its revisions and page views.",
}

responses = build_group(__name__, "List, import and export survey responses.", COMMANDS)
