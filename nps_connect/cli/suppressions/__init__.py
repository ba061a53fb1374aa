"""List, show, add and remove suppressions: who must not be contacted, and why."""

COMMANDS = {
    "list": "List suppressions, newest first.",
    "show": "Show one suppression.",
    "add": "Stop all mail to a person who asked for it.",
    "import": "Suppress the people of a file.",
    "export": "Export suppressions for another installation.",
    "remove": "Let a person be contacted again.",
}
