"""HubSpot for nps_connect."""
