"""Create, upgrade, back up, restore or copy the database."""

COMMANDS = {
    "create": "Create the database. An existing one is refused.",
    "upgrade": "Upgrade the schema to the current version. Idempotent.",
    "copy": "Copy all data to another, empty database.",
}
