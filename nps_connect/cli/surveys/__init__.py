"""List, show, preview and test survey mails; invite people from a CSV file."""

COMMANDS = {
    "list": "List the configured surveys.",
    "show": "Show one survey.",
    "upcoming": "Show how many people recurring surveys reach in the next 30 days.",
    "invite": "Send a survey to the people in a CSV file.",
    "preview": "Write a survey's mail to files; nothing is sent.",
    "test": "Send a test mail; its links record nothing.",
}
