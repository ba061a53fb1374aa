"""List, show and simulate triggers; release or reject held ones."""

COMMANDS = {
    "list": "List the configured triggers.",
    "show": "Show one trigger.",
    "simulate": "Evaluate triggers against recorded events; nothing is sent or written.",
    "release": "Release everyone held by a trigger.",
    "refuse": "Permanently reject everyone held by a trigger.",
}
