"""Preview and test survey mails; invite people from a CSV file."""

COMMANDS = {
    "invite": "Send a survey to the people in a CSV file.",
    "preview": "Write a survey's mail to files; nothing is sent.",
    "test": "Send a test mail; its links record nothing.",
}
