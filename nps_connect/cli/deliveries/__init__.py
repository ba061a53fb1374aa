"""List, inspect, retry and cancel outbound deliveries."""

COMMANDS = {
    "list": "List deliveries, newest first.",
    "show": "Show one delivery with all attempts.",
    "retry": "Retry dead or held deliveries.",
    "cancel": "Cancel pending, held or dead deliveries.",
}
