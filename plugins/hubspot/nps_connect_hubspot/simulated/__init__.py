"""A simulated HubSpot portal: small enough for a thread, faithful enough to be believed."""

from nps_connect_hubspot.simulated.vendor import Simulated

__all__ = ["Simulated"]
