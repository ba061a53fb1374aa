"""What every record shares: frozen, no unknown keys, aware UTC times."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field


class Record(BaseModel):
    """Immutable data that crosses a hook or is stored as JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)

    def changed(self, **values: object) -> Self:
        """A copy with other values, which nobody looks at: they must be valid. A tenth of the work of `model_copy`."""
        made = type(self).__new__(type(self))
        object.__setattr__(made, "__dict__", {**self.__dict__, **values})
        object.__setattr__(made, "__pydantic_fields_set__", self.__pydantic_fields_set__ | values.keys())
        object.__setattr__(made, "__pydantic_extra__", None)
        object.__setattr__(made, "__pydantic_private__", None)
        return made


def to_utc(moment: datetime) -> datetime:
    """The same moment, told in UTC."""
    return moment.astimezone(UTC)


Moment = Annotated[AwareDatetime, AfterValidator(to_utc)]
"""A point in time: aware, kept in UTC. Naive values are refused."""

Score = Annotated[int, Field(strict=True, ge=0, le=10)]
"""An answer on the NPS scale: an integer 0 to 10; anything else is refused, never rounded."""

FieldValue = str | int | float | bool | None
"""A field of an event or a contact, as filters see it."""


def mailbox_key(address: str) -> str:
    """The form in which two spellings of one mailbox are equal (trimmed, case folded)."""
    return address.strip().casefold()
