"""List and show detractor cases and their recovery status."""

COMMANDS = {
    "list": "List detractor cases: open, overdue, solved, recovered.",
    "show": "Show one case.",
}
