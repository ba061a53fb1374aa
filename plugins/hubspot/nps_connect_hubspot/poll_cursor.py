"""How far polling has come: a place per object type, kept as opaque JSON. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

OVERLAP_MILLIS = 5 * 60 * 1000
"""Milliseconds by which a round goes back behind the previous one: HubSpot's search index lags "a few moments"."""

MAX_SEARCH_RESULTS = 10_000
"""Results that one search gives at most."""


def to_millis(moment: datetime) -> int:
    """Milliseconds since 1970."""
    return round(moment.timestamp() * 1000)


class StreamPosition(BaseModel):
    """One object type. Moments are milliseconds since 1970.

    Attributes:
        start: nothing that was true at the first poll is ever told.
        seen: everything modified before this moment has been read, but for the index's lag.
        since: where the next page of the current round starts.
        floor: facts from here on are told in the current round.
        after: HubSpot's place among records of one and the same moment; none = the first of them.
        ongoing: a round is under way.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: int = Field(ge=0)
    seen: int = Field(ge=0)
    since: int = Field(default=0, ge=0)
    floor: int = Field(default=0, ge=0)
    after: str | None = None
    ongoing: bool = False

    @property
    def emit_since(self) -> int:
        """The oldest fact to tell."""
        return max(self.start + 1, self.floor)

    def begun(self) -> Self:
        """The stream within a round: the one under way, or a new one."""
        if self.ongoing:
            return self
        back = max(0, self.seen - OVERLAP_MILLIS)
        return self.model_copy(update={"since": back, "floor": back, "after": None, "ongoing": True})

    def advanced(self, moments: Sequence[int], *, full: bool, after: str | None) -> Self:
        """The stream after a page.

        Args:
            moments: when each record of the page was modified, in ascending order.
            full: the page was full, so that another one may follow.
            after: HubSpot's place of the next page.
        """
        last = max(moments, default=0)
        seen = max(self.seen, last)
        if not full:
            return self.model_copy(update={"seen": seen, "after": None, "ongoing": False})
        if last > self.since:
            return self.model_copy(update={"seen": seen, "since": last, "after": None})
        if after is None or not after.isdigit() or int(after) >= MAX_SEARCH_RESULTS:
            return self.model_copy(update={"seen": seen, "since": self.since + 1, "after": None})
        return self.model_copy(update={"seen": seen, "after": after})


class PollCursor(BaseModel):
    """The place in all object types.

    Attributes:
        turn: the object type to read next; a round reads them one after the other.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    form: Literal[1] = 1
    turn: str
    streams: dict[str, StreamPosition]

    @classmethod
    def initial(cls, kinds: Sequence[str], now: int) -> Self:
        """The cursor of a connection that has never been polled: no history, everything from now on."""
        return cls(turn=kinds[0], streams={kind: StreamPosition(start=now, seen=now) for kind in kinds})

    @classmethod
    def read(cls, text: str, kinds: Sequence[str], now: int) -> Self | None:
        """A stored cursor, fitted to the object types of the settings: a new type starts now.

        None for a text that is no cursor (of another form, or damaged): polling then begins anew rather than stopping
        for ever.
        """
        try:
            stored = cls.model_validate_json(text)
        except ValidationError:
            return None
        streams = {kind: stored.streams.get(kind) or StreamPosition(start=now, seen=now) for kind in kinds}
        return cls(turn=stored.turn if stored.turn in kinds else kinds[0], streams=streams)

    def advanced(self, kind: str, stream: StreamPosition, kinds: Sequence[str]) -> Self:
        """The cursor after a page of one type; at the end of its round it is the next type's turn."""
        turn = kind if stream.ongoing else kinds[(list(kinds).index(kind) + 1) % len(kinds)]
        return self.model_copy(update={"turn": turn, "streams": {**self.streams, kind: stream}})

    def unfinished(self, kinds: Sequence[str]) -> bool:
        """Whether the round over all types goes on."""
        return self.turn != kinds[0] or self.streams[self.turn].ongoing
