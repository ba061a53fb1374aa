"""Queues, retry plan, engines."""
