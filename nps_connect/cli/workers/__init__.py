"""``nps-connect workers``."""

from __future__ import annotations

from nps_connect.cli._support.lazy_group import build_group

COMMANDS = {"list": "List processes and the queues they are working on."}

workers = build_group(__name__, "List running processes on all hosts.", COMMANDS)
