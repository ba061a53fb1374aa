"""Findings as lines on a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from nps_connect.cli._support.output import console

if TYPE_CHECKING:
    from nps_connect.records.findings import Finding

MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "error": ("✗", "red")}


def print_findings(findings: Iterable[Finding]) -> None:
    """Print each finding on a line, with its kind if it is a problem, and its fix on the next one."""
    from rich.text import Text

    out = console()
    for finding in findings:
        mark, colour = MARKS[finding.severity]
        kind = "" if finding.severity == "ok" else f" [{finding.id}]"
        out.print(Text.assemble("  ", (mark, colour), f" {finding.text}{kind}"), soft_wrap=True)
        if finding.fix:
            out.print(Text(f"    {finding.fix}", style="dim"), soft_wrap=True)
