"""List detractor cases and their recovery status."""

COMMANDS = {"list": "List detractor cases: open, overdue, solved, recovered."}
