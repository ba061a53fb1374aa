"""Report on review invitations."""

COMMANDS = {"report": "Count review links by platform and score band: shown, sent, opened."}
