"""``[assistants]``: what AI assistants may see and plan."""

from __future__ import annotations

from pydantic import Field

from nps_connect.settings.base import SettingsTable


class Assistants(SettingsTable):
    """``[assistants]``: the MCP server (``nps-connect mcp``), by which an AI assistant reads and plans.

    Attributes:
        enabled: whether the MCP server starts.
        people_per_day: people whom approved plans may reach on one calendar day of the company's time zone.
    """

    enabled: bool = False
    people_per_day: int = Field(default=100, ge=0, le=1_000_000)
