"""Search comments, find and try themes, tag responses."""

COMMANDS = {
    "themes": "Try the words of the themes on a comment or a file.",
    "report": "Report which themes and choices occur, and how they moved.",
    "tag": "Add a tag to a response.",
    "untag": "Remove a tag from a response.",
}
