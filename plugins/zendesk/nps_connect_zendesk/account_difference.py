"""One thing that the account should have, and how to make it so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from nps_connect import SetupChange


@dataclass(frozen=True)
class AccountDifference:
    """A difference between the account and what we need.

    Attributes:
        id: stable name of the thing.
        change: what has to be done about it.
        text: one sentence for people.
        do: does it; none when only an admin can.
    """

    id: str
    change: Literal["create", "update", "blocked"]
    text: str
    do: Callable[[], None] | None = None

    @property
    def told(self) -> SetupChange:
        """The difference as operators see it."""
        return SetupChange(id=self.id, change=self.change, text=self.text)
