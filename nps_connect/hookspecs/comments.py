"""Hooks for comments: what customers write about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nps_connect.connection import Connection
from nps_connect.hookspecs.markers import hookspec
from nps_connect.records.themes import CommentText, CommentThemes, ThemeName


@hookspec
def nps_classify_comments(  # type: ignore[empty-body]
    connection: Connection[Any], comments: Sequence[CommentText], themes: Sequence[ThemeName]
) -> Sequence[CommentThemes]:
    """Return the themes of each comment, in the same order; only ids of `themes`.

    Called by a periodic job if `comments.classifier` names the connection; the words of the file of themes are the
    built-in implementation. The comments are personal data: a plugin that sends them elsewhere says so.

    Raises:
        DeliveryError: any; the comments are passed again later.
    """
