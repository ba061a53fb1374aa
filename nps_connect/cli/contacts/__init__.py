"""List contacts, and show whether they may be contacted."""

COMMANDS = {
    "list": "List contacts, newest first.",
    "show": "Show one contact: suppressions, bounces, responses.",
}
