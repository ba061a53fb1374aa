"""List, replay and create inbound events."""

COMMANDS = {
    "list": "List events or raw webhooks, newest first.",
    "show": "Show one event with its decisions and deliveries.",
    "replay": "Reprocess events after a fix.",
    "send": "Create an event manually.",
}
