"""``[comments]``: how the themes of comments are found."""

from __future__ import annotations

from pathlib import Path

from nps_connect.settings.base import Name, SettingsTable


class Comments(SettingsTable):
    """``[comments]``: the themes of what customers write.

    Attributes:
        themes: file with the company's own themes and words, relative to this file; the shipped one if not given.
        classifier: a connection whose plugin finds the themes in place of the words; comments are passed to it.
    """

    themes: Path | None = None
    classifier: Name | None = None
