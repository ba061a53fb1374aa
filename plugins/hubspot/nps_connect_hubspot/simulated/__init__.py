"""Simulated HubSpot portal for sandbox and tests."""

from nps_connect_hubspot.simulated.vendor import Simulated

__all__ = ["Simulated"]
