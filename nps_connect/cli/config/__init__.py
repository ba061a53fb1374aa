"""Validate the configuration."""

COMMANDS = {"check": "Validate the configuration and report all mistakes."}
