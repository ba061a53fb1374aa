"""List and check connections and set up their vendor accounts."""

COMMANDS = {
    "list": "List connections and their state.",
    "show": "Show one connection.",
    "check": "Check credentials, permissions, setup and incoming events.",
    "login": "Authorize access to a vendor account (OAuth consent).",
    "plan": "Show missing objects in a vendor account.",
    "apply": "Create missing objects in a vendor account.",
}
