"""Show installed plugins."""

COMMANDS = {
    "list": "List installed plugins and why broken ones are disabled.",
    "show": "Show one plugin: its events, actions and hooks.",
}
