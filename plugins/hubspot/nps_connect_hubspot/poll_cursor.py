"""Cursor of polling: a position per object type, stored as opaque JSON. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

OVERLAP_MILLIS = 5 * 60 * 1000
"""Milliseconds that a round overlaps the previous one: HubSpot's search index lags "a few moments"."""

FIRST_ID = 0
"""Below the id of every record."""


def to_millis(moment: datetime) -> int:
    """Return milliseconds since 1970."""
    return round(moment.timestamp() * 1000)


class StreamPosition(BaseModel):
    """Position in one object type. Times are milliseconds since 1970.

    Attributes:
        start: time of the first poll; older facts are never emitted.
        seen: everything modified before this time has been read, except for the index's lag.
        since: start of the next page of the current round.
        floor: earliest fact that the current round emits.
        last_id: id of the last record that was read among those modified at exactly `since`; None outside of such a
            list. It is read by id, because one search returns at most 10,000 records and an import gives more of them
            one time (https://developers.hubspot.com/docs/api-reference/latest/crm/search-the-crm).
        in_progress: whether a round is under way.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: int = Field(ge=0)
    seen: int = Field(ge=0)
    since: int = Field(default=0, ge=0)
    floor: int = Field(default=0, ge=0)
    last_id: int | None = None
    in_progress: bool = False

    @property
    def emit_since(self) -> int:
        """Return the time of the earliest fact to emit."""
        return max(self.start + 1, self.floor)

    def started(self) -> Self:
        """Return the position within a round: the current one, or a new one."""
        if self.in_progress:
            return self
        back = max(0, self.seen - OVERLAP_MILLIS)
        return self.model_copy(update={"since": back, "floor": back, "last_id": None, "in_progress": True})

    def advanced(self, moments: Sequence[int], ids: Sequence[int], *, full: bool) -> Self:
        """Return the position after a page.

        Args:
            moments: modification time of each record of the page.
            ids: id of each record of the page.
            full: whether the page was full, so that another one may follow.
        """
        last = max(moments, default=0)
        seen = max(self.seen, last)
        if self.last_id is not None:
            if full:
                return self.model_copy(update={"seen": seen, "last_id": max(ids)})
            return self.model_copy(update={"seen": seen, "since": self.since + 1, "last_id": None})
        if not full:
            return self.model_copy(update={"seen": seen, "in_progress": False})
        if last > self.since:
            return self.model_copy(update={"seen": seen, "since": last})
        return self.model_copy(update={"seen": seen, "last_id": FIRST_ID})


class PollCursor(BaseModel):
    """Positions in all object types.

    Attributes:
        version: format of the stored JSON.
        current_kind: the object type to read next; a round reads them one after the other.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[3] = 3
    current_kind: str
    streams: dict[str, StreamPosition]

    @classmethod
    def initial(cls, kinds: Sequence[str], now: int) -> Self:
        """Return the cursor of a connection that has never been polled: no history, everything from now on."""
        return cls(current_kind=kinds[0], streams={kind: StreamPosition(start=now, seen=now) for kind in kinds})

    @classmethod
    def parse(cls, text: str, kinds: Sequence[str], now: int) -> Self | None:
        """Return a stored cursor adapted to the configured object types; a new type starts now.

        None means that the text is not a valid cursor (another format, or damaged): polling then starts anew and does
        not stop for good.
        """
        try:
            stored = cls.model_validate_json(text)
        except ValidationError:
            return None
        streams = {kind: stored.streams.get(kind) or StreamPosition(start=now, seen=now) for kind in kinds}
        return cls(current_kind=stored.current_kind if stored.current_kind in kinds else kinds[0], streams=streams)

    def advanced(self, kind: str, stream: StreamPosition, kinds: Sequence[str]) -> Self:
        """Return the cursor after a page of one type; at the end of its round the next type is current."""
        following = kinds[(list(kinds).index(kind) + 1) % len(kinds)]
        current_kind = kind if stream.in_progress else following
        return self.model_copy(update={"current_kind": current_kind, "streams": {**self.streams, kind: stream}})

    def has_more(self, kinds: Sequence[str]) -> bool:
        """Return whether the round over all types continues."""
        return self.current_kind != kinds[0] or self.streams[self.current_kind].in_progress
