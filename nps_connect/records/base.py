"""Base of all records: frozen, no unknown keys, aware UTC times."""

from __future__ import annotations

from datetime import UTC
from operator import methodcaller
from typing import Annotated, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field


class Record(BaseModel):
    """Immutable data that crosses a hook or is stored as JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)

    def copy_unvalidated(self, **values: object) -> Self:
        """Return a copy with other values, which are not validated; ten times as fast as `model_copy`."""
        copy = type(self).__new__(type(self))
        object.__setattr__(copy, "__dict__", {**self.__dict__, **values})
        object.__setattr__(copy, "__pydantic_fields_set__", self.__pydantic_fields_set__ | values.keys())
        object.__setattr__(copy, "__pydantic_extra__", None)
        object.__setattr__(copy, "__pydantic_private__", None)
        return copy


Moment = Annotated[AwareDatetime, AfterValidator(methodcaller("astimezone", UTC))]
"""A moment: aware, converted to UTC. Naive values are refused."""

Score = Annotated[int, Field(strict=True, ge=0, le=10)]
"""A score on the NPS scale: an integer 0 to 10; anything else is refused, never rounded."""

FieldValue = str | int | float | bool | None
"""The value of a field of an event or a contact."""


def mailbox_key(address: str) -> str:
    """Return the key that all spellings of one mailbox share (trimmed, case folded)."""
    return address.strip().casefold()
