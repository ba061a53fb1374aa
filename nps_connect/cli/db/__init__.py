"""``nps-connect db``."""

from __future__ import annotations

from nps_connect.cli._support.lazy_group import build_group

COMMANDS = {
    "upgrade": "Create the tables or upgrade the schema. Idempotent.",
    "copy": "Copy all data to another, empty database.",
}

db = build_group(__name__, "Create, upgrade or copy the database.", COMMANDS)
