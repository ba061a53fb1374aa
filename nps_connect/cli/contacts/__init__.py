"""List and show contacts, and whether they may be contacted; answer requests of people about their data."""

COMMANDS = {
    "list": "List contacts, newest first.",
    "show": "Show one contact: suppressions, bounces, responses.",
    "export": "Print everything that is stored about a person, as JSON.",
    "erase": "Erase a person, here and what was written at vendors.",
}
