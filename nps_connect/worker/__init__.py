"""Lanes, retry plan, engines."""
