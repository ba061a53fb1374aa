"""``nps-connect cases``."""

from __future__ import annotations

from nps_connect.cli._support.lazy_group import build_group

COMMANDS = {"list": "List detractor cases: open, overdue, solved, recovered."}

cases = build_group(__name__, "List detractor cases and their recovery status.", COMMANDS)
