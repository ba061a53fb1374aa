"""Follow problems from the opening to the proof that the fix worked."""

COMMANDS = {
    "list": "List problems, newest first.",
    "show": "Show one problem, and whether its fix worked.",
    "open": "Open a problem with an owner and a deadline.",
    "fix": "Enter when a problem was fixed; plans its evaluation.",
    "close": "Close a problem.",
}
