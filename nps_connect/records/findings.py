"""What a check of a connection finds, and what a set-up would change at the vendor."""

from __future__ import annotations

from typing import Literal

from nps_connect.records.base import Record


class Finding(Record):
    """One result of `nps_check`.

    Attributes:
        severity: `ok` is worth telling too; `error` means that something does not work.
        text: what was found, one sentence.
        fix: what to do about it; required in spirit for everything but `ok`.
    """

    severity: Literal["ok", "warning", "error"]
    text: str
    fix: str | None = None


class SetupChange(Record):
    """One thing that is missing or differs at the vendor.

    Attributes:
        id: stable name of the thing, such as ``property:nps_score``.
        change: `create`, `update`, or `blocked` (an admin locked it; we only report).
        text: what would be done, one sentence.
    """

    id: str
    change: Literal["create", "update", "blocked"]
    text: str
