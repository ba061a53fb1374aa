"""Process bounces and complaints."""

COMMANDS = {
    "list": "List bounces and complaints.",
    "show": "Show one bounce or complaint.",
    "read": "Process bounce reports and complaints from a file or mailbox.",
    "confirm": "Confirm that many refused mailboxes are dead, and resume mail.",
    "undo": "Undo the suppressions of an hour of mistaken refusals, and resume mail.",
    "address": "Print the URL to which a mail server can post reports.",
}
