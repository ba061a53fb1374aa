"""Findings about the system or one of its parts, and changes that a set-up would make at the vendor."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator

from nps_connect.records.base import Record, Text
from nps_connect.records.finding_kinds import FINDING_KINDS, FindingKind


def _require_kind(finding_id: str) -> str:
    if finding_id not in FINDING_KINDS:
        msg = f"{finding_id!r} is no kind of finding; the kinds stand in docs/findings.md"
        raise ValueError(msg)
    return finding_id


FindingId = Annotated[str, AfterValidator(_require_kind)]
"""The id of one of `FINDING_KINDS`."""


class Finding(Record):
    """One result of a check: what is so, why it matters, and how to fix it.

    Attributes:
        severity: `ok` is reported too; `error` means that something does not work.
        text: the finding, one sentence.
        fix: how to fix it, a command where there is one; expected for everything but `ok`.
        id: its kind, a heading of ``docs/findings.md``; plugins leave the default where no other kind fits.
        subject: what it concerns: the name of a connection or trigger, a path; None means the whole system.
    """

    severity: Literal["ok", "warning", "error"]
    text: Text
    fix: Text | None = None
    id: FindingId = "connection-check"
    subject: Text | None = None

    @property
    def kind(self) -> FindingKind:
        """What findings with this id have in common: title and consequence."""
        return FINDING_KINDS[self.id]


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
