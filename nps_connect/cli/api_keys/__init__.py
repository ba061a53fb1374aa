"""Add, list and remove keys of the HTTP API, which exists while there is a key."""

COMMANDS = {
    "add": "Add a key and print it, once.",
    "list": "List keys, without their secrets.",
    "show": "Show one key, without its secret.",
    "remove": "Remove a key: it is refused within seconds.",
}
