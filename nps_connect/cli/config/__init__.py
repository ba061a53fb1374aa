"""Validate, show and compare configurations."""

COMMANDS = {
    "check": "Validate the configuration and report all mistakes.",
    "show": "Print every value that is in force and where it comes from.",
    "diff": "Say what another version of the configuration would change.",
    "schema": "Print the JSON Schema of the configuration, for editors.",
}
