"""List, add and remove suppressions: who must not be contacted, and why."""

COMMANDS = {
    "list": "List suppressions, newest first.",
    "add": "Stop all mail to a person who asked for it.",
    "remove": "Let a person be contacted again.",
}
