"""``nps-connect bounces``."""

from __future__ import annotations

from nps_connect.cli._support.lazy_group import build_group

COMMANDS = {
    "read": "Process bounce reports and complaints from a file or mailbox.",
    "address": "Print the URL to which a mail server can post reports.",
}

bounces = build_group(__name__, "Process bounces and complaints.", COMMANDS)
