"""Show running processes on all hosts."""

COMMANDS = {
    "list": "List processes and the queues they are working on.",
    "show": "Show one process.",
}
