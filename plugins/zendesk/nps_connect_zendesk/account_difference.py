"""A difference between the account and what the plugin needs, with the call that removes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from nps_connect import SetupChange


@dataclass(frozen=True)
class AccountDifference:
    """Something that the account lacks or has differently.

    Attributes:
        id: stable id of the object.
        change: what has to be done.
        text: one sentence for people.
        apply: makes the change; None if only an admin can.
    """

    id: str
    change: Literal["create", "update", "blocked"]
    text: str
    apply: Callable[[], None] | None = None

    def as_change(self) -> SetupChange:
        """Return the difference as operators see it."""
        return SetupChange(id=self.id, change=self.change, text=self.text)
