"""What operators did, when and why."""

COMMANDS = {"list": "List what operators did, newest first."}
