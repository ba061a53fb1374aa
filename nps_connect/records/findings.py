"""Findings of a connection check, and changes that a set-up would make at the vendor."""

from __future__ import annotations

from typing import Literal

from nps_connect.records.base import Record, Text


class Finding(Record):
    """One result of `nps_check`.

    Attributes:
        severity: `ok` is reported too; `error` means that something does not work.
        text: the finding, one sentence.
        fix: how to fix it; expected for everything but `ok`.
    """

    severity: Literal["ok", "warning", "error"]
    text: Text
    fix: Text | None = None


class SetupChange(Record):
    """One object that is missing or differs at the vendor.

    Attributes:
        id: stable name of the object, such as ``property:nps_score``.
        change: `create`, `update`, or `blocked` (an admin locked it; we only report).
        text: what would be done, one sentence.
    """

    id: str
    change: Literal["create", "update", "blocked"]
    text: Text
