"""``nps-connect triggers``."""

from __future__ import annotations

from nps_connect.cli._support.lazy_group import build_group

COMMANDS = {
    "simulate": "Evaluate triggers against recorded events; nothing is sent or written.",
    "release": "Release everyone held by a trigger.",
    "refuse": "Permanently reject everyone held by a trigger.",
}

triggers = build_group(__name__, "Simulate triggers; release or reject held ones.", COMMANDS)
