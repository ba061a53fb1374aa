"""Intake: turn webhooks and polled pages into stored events."""
