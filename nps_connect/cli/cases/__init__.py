"""List, show and handle detractor cases."""

COMMANDS = {
    "list": "List detractor cases: open, overdue, solved, recovered.",
    "show": "Show one case with its history.",
    "assign": "Let a member of staff have a case.",
    "note": "Add a note to a case, or record a call.",
    "solve": "Solve a case, with what was done for the customer.",
    "reopen": "Reopen a solved case.",
}
