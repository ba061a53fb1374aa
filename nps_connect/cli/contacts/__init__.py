"""``nps-connect contacts``."""

from __future__ import annotations

from nps_connect.cli._support.lazy_group import build_group

COMMANDS = {"show": "Show one contact: suppressions, bounces, responses."}

contacts = build_group(__name__, "Show contacts and whether they may be contacted.", COMMANDS)
