"""``nps-connect plugins``."""

from __future__ import annotations

from nps_connect.cli._support.lazy_group import build_group

COMMANDS = {"list": "List installed plugins and why broken ones are disabled."}

plugins = build_group(__name__, "List installed plugins.", COMMANDS)
