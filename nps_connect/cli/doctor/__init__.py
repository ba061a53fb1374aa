"""``nps-connect doctor``."""

from __future__ import annotations

from nps_connect.cli._support.lazy_group import build_group

COMMANDS = {"mail": "Send a test mail and check its SPF, DKIM and DMARC results."}

doctor = build_group(__name__, "Check mail deliverability.", COMMANDS)
