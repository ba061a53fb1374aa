"""Differences between what two configurations would do."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar


class Planned(Protocol):
    """Something that a configuration would do."""

    @property
    def due_at(self) -> datetime:
        """When it would be due."""


Item = TypeVar("Item", bound=Planned)
Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class SimulationDiff(Generic[Item]):
    """Differences between two results.

    Attributes:
        added: only in the new one.
        removed: only in the old one.
        moved: in both with another due time, as old and new.
    """

    added: tuple[Item, ...]
    removed: tuple[Item, ...]
    moved: tuple[tuple[Item, Item], ...]


def compare_planned(before: Mapping[Key, Item], after: Mapping[Key, Item]) -> SimulationDiff[Item]:
    """Return how the new result differs from the old one; what has the same key is the same."""
    return SimulationDiff(
        added=tuple(after[key] for key in after if key not in before),
        removed=tuple(before[key] for key in before if key not in after),
        moved=tuple(
            (before[key], after[key]) for key in before if key in after and before[key].due_at != after[key].due_at
        ),
    )
