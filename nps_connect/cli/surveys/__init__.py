"""``nps-connect surveys``."""

from __future__ import annotations

from nps_connect.cli._support.lazy_group import build_group

COMMANDS = {
    "invite": "Send a survey to the people in a CSV file.",
    "preview": "Write a survey's mail to files; nothing is sent.",
    "test": "Send a test mail; its links record nothing.",
}

surveys = build_group(__name__, "Preview and test survey mails; invite people from a CSV file.", COMMANDS)
