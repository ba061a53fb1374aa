"""Process bounces and complaints."""

COMMANDS = {
    "list": "List bounces and complaints.",
    "read": "Process bounce reports and complaints from a file or mailbox.",
    "address": "Print the URL to which a mail server can post reports.",
}
