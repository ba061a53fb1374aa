"""What comments are about: the themes that were found in each."""

from __future__ import annotations

from sqlalchemy import Index
from sqlmodel import Field

from nps_connect.ledger.columns import Base, BigId


class CommentThemeRow(Base, table=True):
    """A theme that was found in the comment of a response; it stays when the comment is deleted under retention."""

    __tablename__ = "comment_themes"
    __table_args__ = (Index("ix_comment_themes_theme", "theme", "response_id"),)

    response_id: int = Field(foreign_key="responses.id", primary_key=True, sa_type=BigId)
    theme: str = Field(primary_key=True, max_length=40)
