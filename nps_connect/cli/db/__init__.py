"""Create, upgrade or copy the database."""

COMMANDS = {
    "upgrade": "Create the tables or upgrade the schema. Idempotent.",
    "copy": "Copy all data to another, empty database.",
}
