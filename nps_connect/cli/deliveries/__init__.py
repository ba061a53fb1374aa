"""List, inspect, expedite, retry, settle and cancel outbound deliveries."""

COMMANDS = {
    "list": "List deliveries, newest first.",
    "show": "Show one delivery with all attempts.",
    "expedite": "Send now what waits for quiet hours, a cap or a retry.",
    "retry": "Retry dead or held deliveries.",
    "settle": "Record whether mail in doubt was sent.",
    "cancel": "Cancel pending, held or dead deliveries.",
}
