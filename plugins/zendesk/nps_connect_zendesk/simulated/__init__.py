"""A Zendesk small enough for a thread, shaped after the vendor's own documentation: for sandbox, demo and tests."""

from __future__ import annotations

from nps_connect_zendesk.simulated.vendor import Simulated

__all__ = ["Simulated"]
