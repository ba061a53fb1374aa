"""Records of what comments are about."""

from __future__ import annotations

from nps_connect.records.base import Record


class CommentText(Record):
    """A comment to classify; nothing says who wrote it.

    Attributes:
        text: as the customer wrote it.
        language: of the response, such as ``fr``; the comment may be in another one.
    """

    text: str
    language: str


class ThemeName(Record):
    """A theme that comments may have.

    Attributes:
        id: as returned.
        name: in the company's language.
    """

    id: str
    name: str


class CommentThemes(Record):
    """What one comment is about.

    Attributes:
        themes: ids of themes; empty if the comment has none of them.
    """

    themes: tuple[str, ...] = ()
