"""Add, list, reset and remove users of the console, which exists while there is a user."""

COMMANDS = {
    "add": "Add a user and print the link by which they choose a password.",
    "list": "List users.",
    "show": "Show one user.",
    "reset": "Make a password void and print a link to choose another one.",
    "remove": "Remove a user, who is signed out at once.",
}
