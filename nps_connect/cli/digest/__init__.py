"""Preview and send the digest to staff."""

COMMANDS = {
    "list": "List the recipients of each digest.",
    "preview": "Write a digest to files; nothing is sent.",
    "send": "Send the newest digests now; nobody gets one twice.",
}
