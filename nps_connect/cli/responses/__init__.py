"""List, import and export survey responses."""

COMMANDS = {
    "export": "Export responses as CSV, JSON or JSON lines, oldest first.",
    "import": "Import responses from another tool.",
    "list": "List responses, newest first.",
    "show": "Show one response with its revisions and page views.",
}
