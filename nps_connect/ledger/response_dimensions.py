"""Groups of responses: the dimensions that the configuration names, and the teams."""

from __future__ import annotations

from sqlalchemy import Index
from sqlmodel import Field

from nps_connect.ledger.columns import WITHOUT_ROWID, Base, BigId

TEAM = "team"
"""The dimension of teams; the only one of which a response may have several values."""


class ResponseDimensionRow(Base, table=True):
    """A value of a dimension of a confirmed response, copied when the response is first confirmed.

    Attributes:
        response_id: the response.
        name: of the dimension, or `TEAM`.
        value: such as the name of the shop, or of the team.
    """

    __tablename__ = "response_dimensions"
    __table_args__ = (
        Index("ix_response_dimensions_group", "name", "value", "response_id"),
        {"info": {WITHOUT_ROWID: True}},
    )

    response_id: int = Field(primary_key=True, foreign_key="responses.id", sa_type=BigId)
    name: str = Field(primary_key=True, max_length=40)
    value: str = Field(primary_key=True, max_length=100)
