"""Simulated Zendesk account for sandbox, demo and tests, modelled on the vendor's documentation."""

from __future__ import annotations

from nps_connect_zendesk.simulated.vendor import Simulated

__all__ = ["Simulated"]
