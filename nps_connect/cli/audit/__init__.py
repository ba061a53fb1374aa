"""What operators did, when and why."""

COMMANDS = {
    "list": "List what operators did, newest first.",
    "show": "Show one action of an operator.",
}
