"""``nps-connect config``."""

from __future__ import annotations

from nps_connect.cli._support.lazy_group import build_group

config = build_group(
    __name__,
    "Validate the configuration.",
    {
        "check": "Validate the configuration and report all mistakes.",
    },
)
