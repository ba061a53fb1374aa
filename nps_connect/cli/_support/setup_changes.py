"""Changes at a vendor, as a diff: ``+`` is created, ``~`` is changed, ``!`` must be done by the vendor's admin."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from nps_connect.cli._support.output import console

if TYPE_CHECKING:
    from nps_connect.records.findings import SetupChange

MARKS = {"create": ("+", "green"), "update": ("~", "yellow"), "blocked": ("!", "red")}


def print_changes(changes: Iterable[SetupChange]) -> None:
    """Print one change a line."""
    from rich.text import Text

    out = console()
    for change in changes:
        mark, colour = MARKS[change.change]
        out.print(Text.assemble((f"{mark} {change.id}", colour), f"  {change.text}"), soft_wrap=True)


def summarize_changes(changes: Sequence[SetupChange]) -> str:
    """How many there are of each sort: ``2 to create, 0 to change, 1 blocked``."""
    number = {sort: sum(change.change == sort for change in changes) for sort in MARKS}
    return f"{number['create']} to create, {number['update']} to change, {number['blocked']} blocked"


def changes_json(changes: Iterable[SetupChange]) -> list[dict[str, str]]:
    """For programs."""
    return [change.model_dump(mode="json") for change in changes]
