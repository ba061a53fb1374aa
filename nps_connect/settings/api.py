"""``[api]``: the HTTP API."""

from __future__ import annotations

from pydantic import Field

from nps_connect.settings.base import SettingsTable


class Api(SettingsTable):
    """``[api]``: the HTTP API, which exists while there is a key (``nps-connect api-keys add``).

    Attributes:
        requests_per_minute: that one key may make to one process; more are refused with 429.
    """

    requests_per_minute: int = Field(default=6000, ge=1, le=10_000_000)
