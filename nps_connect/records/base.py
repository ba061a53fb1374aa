"""Base of all records (frozen, no unknown keys, aware UTC times), and the NPS scale with its segments."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from datetime import UTC
from operator import methodcaller
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, GetPydanticSchema
from pydantic_core import core_schema

from nps_connect.sanitization import sanitize_line, sanitize_text


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

NPS_SCALE = "nps-0-10"
"""The scale of scores that have a segment and count for the NPS; scores on other scales are never mixed in."""

Segment = Literal["promoter", "passive", "detractor"]
SEGMENTS: tuple[Segment, ...] = ("promoter", "passive", "detractor")
SEGMENT_BY_SCORE: tuple[Segment, ...] = (*(SEGMENTS[2],) * 7, "passive", "passive", "promoter", "promoter")
"""The segment of each score from 0 to 10."""

_PRINTABLE = r"\p{L}\p{M}\p{N}\p{P}\p{S}\p{Zs}"


def _sanitized(plain: str, sanitize: Callable[[str], str]) -> GetPydanticSchema:
    """Return the schema of a text that is sanitized, unless it matches the pattern `plain`.

    The pattern is matched by pydantic itself: most texts are plain, and cost no call of Python.
    """
    schema = core_schema.union_schema(
        [
            core_schema.str_schema(pattern=plain),
            core_schema.no_info_after_validator_function(sanitize, core_schema.str_schema()),
        ],
        mode="left_to_right",
        custom_error_type="string_type",
    )
    return GetPydanticSchema(lambda _source, _handler: schema)


Text = Annotated[str, _sanitized(rf"^[{_PRINTABLE}\n\t]*$", sanitize_text)]
"""Text for people, of any number of lines: control characters are removed."""

Line = Annotated[str, _sanitized(rf"^[{_PRINTABLE}]*$", sanitize_line)]
"""Text for people on a single line: control characters are removed."""

FieldValue = Text | int | float | bool | None
"""The value of a field of an event or a contact."""


def mailbox_key(address: str) -> str:
    """Return the key that all spellings of one mailbox share (trimmed, case folded)."""
    return address.strip().casefold()


def is_mail_address(text: str) -> bool:
    """Return whether a text has the form of an e-mail address such as ``care@example.com``."""
    local, at, domain = text.rpartition("@")
    return bool(at and local and "." in domain) and not any(part.isspace() for part in text)


def is_loopback(host: str) -> bool:
    """Return whether a host name or an address is this machine."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
