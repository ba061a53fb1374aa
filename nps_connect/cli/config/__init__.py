"""``nps-connect config``."""

from __future__ import annotations

from nps_connect.cli._support.lazy_group import build_group

COMMANDS = {"check": "Validate the configuration and report all mistakes."}

config = build_group(__name__, "Validate the configuration.", COMMANDS)
