"""Create, upgrade, back up, restore or copy the database."""

COMMANDS = {
    "create": "Create the database. An existing one is refused.",
    "upgrade": "Upgrade the schema to the current version. Idempotent.",
    "backup": "Copy the database to a file, also while it is in use.",
    "check": "Check that the database is whole and the newest.",
    "restore": "Install a backup in the place of the database.",
    "restored": "Deal with a database that was restored from a backup.",
    "copy": "Copy all data to another, empty database.",
}
