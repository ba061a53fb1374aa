"""``nps-connect reviews``."""

from __future__ import annotations

from nps_connect.cli._support.lazy_group import build_group

COMMANDS = {"report": "Count review links by platform and score band: shown, sent, opened."}

reviews = build_group(__name__, "Report on review invitations.", COMMANDS)
