"""List installed plugins."""

COMMANDS = {"list": "List installed plugins and why broken ones are disabled."}
