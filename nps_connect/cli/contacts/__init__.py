"""Show contacts and whether they may be contacted."""

COMMANDS = {"show": "Show one contact: suppressions, bounces, responses."}
