"""List and check connections and set up their vendor accounts."""

COMMANDS = {
    "list": "List connections and their state.",
    "show": "Show one connection.",
    "check": "Check credentials, permissions, setup and incoming events.",
    "learn": "Propose mappings for example payloads of a source.",
    "snapshot": "Save the names of fields, stages and groups of vendor accounts for `doctor prove`.",
    "login": "Authorize access to a vendor account (OAuth consent).",
    "plan": "Show missing objects in a vendor account.",
    "apply": "Create missing objects in a vendor account.",
}
