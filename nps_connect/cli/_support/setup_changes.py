"""Shared by ``connections plan`` and ``connections apply``: vendor changes as a diff.

``+`` is created, ``~`` is changed, ``!`` needs an administrator at the vendor.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from nps_connect.cli._support.output import console

if TYPE_CHECKING:
    from nps_connect.records.findings import SetupChange

MARKS = {"create": ("+", "green"), "update": ("~", "yellow"), "blocked": ("!", "red")}


def print_changes(changes: Iterable[SetupChange]) -> None:
    """Print one change per line."""
    from rich.text import Text

    out = console()
    for change in changes:
        mark, colour = MARKS[change.change]
        out.print(Text.assemble((f"{mark} {change.id}", colour), f"  {change.text}"), soft_wrap=True)


def summarize_changes(changes: Sequence[SetupChange]) -> str:
    """Return the count of each kind: ``2 to create, 0 to change, 1 blocked``."""
    counts = {kind: sum(change.change == kind for change in changes) for kind in MARKS}
    return f"{counts['create']} to create, {counts['update']} to change, {counts['blocked']} blocked"


def changes_json(changes: Iterable[SetupChange]) -> list[dict[str, str]]:
    """Return the changes for ``--json``."""
    return [change.model_dump(mode="json") for change in changes]
