"""Zendesk for nps_connect."""
