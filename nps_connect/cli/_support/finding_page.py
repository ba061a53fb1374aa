"""Findings for people: what, why, and how to fix it, within the width of the screen."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from nps_connect.cli._support.output import console

if TYPE_CHECKING:
    from nps_connect.records.findings import Finding

MARKS = {"error": ("✗", "red"), "warning": ("!", "yellow")}
INDENT = "    "


def print_findings(findings: Iterable[Finding]) -> None:
    """Print findings that are not `ok`, in their order."""
    from rich.text import Text

    out = console()
    for finding in findings:
        mark, colour = MARKS[finding.severity]
        first, *others = wrap_lines(f"{_subject(finding)}{finding.text} [{finding.id}]", out.width - len(INDENT))
        out.print(Text.assemble((mark, colour), f" {first}"), soft_wrap=True)
        for line in (*others, *wrap_lines(finding.kind.why, out.width), *wrap_lines(f"Fix: {finding.fix}", out.width)):
            click.echo(f"{INDENT}{line}")


def _subject(finding: Finding) -> str:
    return f"{finding.subject}: " if finding.subject else ""


def wrap_lines(text: str, width: int) -> list[str]:
    """Return the lines of a text with room for the indent; commands and addresses are not broken."""
    return textwrap.wrap(text, width - len(INDENT), break_long_words=False, break_on_hyphens=False)
