"""List and show the routes: which responses lead to which action."""

COMMANDS = {
    "list": "List the configured routes.",
    "show": "Show one route.",
}
