"""Decide on the plans of AI assistants: nothing of a plan happens before a person approves it here."""

COMMANDS = {
    "list": "List plans, newest first.",
    "show": "Show one plan and the people whom it would reach.",
    "approve": "Carry a plan out, in a terminal only.",
    "reject": "Reject a plan.",
}
