"""Simulate triggers; release or reject held ones."""

COMMANDS = {
    "simulate": "Evaluate triggers against recorded events; nothing is sent or written.",
    "release": "Release everyone held by a trigger.",
    "refuse": "Permanently reject everyone held by a trigger.",
}
