"""Show or hide figures about members of staff: by owner, and of teams with fewer than three members."""

COMMANDS = {
    "show": "Show whether figures about staff are on, since when and why.",
    "on": "Show figures about staff; recorded with the reason.",
    "off": "Hide figures about staff.",
}
