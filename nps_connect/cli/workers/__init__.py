"""``nps-connect workers``."""

from __future__ import annotations

from nps_connect.cli._support.lazy_group import build_group

workers = build_group(
    __name__,
    "List running processes on all hosts.",
    {
        "list": "List processes and the queues they are working on.",
    },
)
