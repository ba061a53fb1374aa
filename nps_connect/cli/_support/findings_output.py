"""Findings for people: mark, subject, what is so, its kind, and how to fix it, within the width of the screen."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from nps_connect.cli._support.output import console, output_width

if TYPE_CHECKING:
    from nps_connect.records.findings import Finding

MARKS = {"error": ("✗", "red"), "warning": ("!", "yellow"), "ok": ("✓", "green")}
"""Mark and colour of each severity, worst first."""

INDENT = "    "


def print_findings(findings: Iterable[Finding], *, with_reasons: bool = False) -> None:
    """Print findings, worst first, otherwise in their order.

    Args:
        findings: problems have their kind in brackets, which is a heading of ``docs/findings.md``.
        with_reasons: print also what follows from a problem if nobody acts.
    """
    severities = list(MARKS)
    for finding in sorted(findings, key=lambda finding: severities.index(finding.severity)):
        is_problem = finding.severity != "ok"
        subject = f"{finding.subject}: " if finding.subject else ""
        kind = f" [{finding.id}]" if is_problem else ""
        first, *others = wrap_lines(f"{subject}{finding.text}{kind}")
        _print_marked(*MARKS[finding.severity], first)
        if with_reasons and is_problem:
            others += wrap_lines(finding.kind.why)
        if finding.fix:
            others += wrap_lines(f"Fix: {finding.fix}")
        for line in others:
            click.echo(f"{INDENT}{line}")


def wrap_lines(text: str) -> list[str]:
    """Return the lines of a text with room for the indent; words, such as addresses, are not broken."""
    return textwrap.wrap(text, output_width() - len(INDENT), break_long_words=False, break_on_hyphens=False)


def _print_marked(mark: str, colour: str, line: str) -> None:
    if not sys.stdout.isatty():
        click.echo(f"{mark} {line}")  # Rich takes longer to import than `status` to run
        return
    from rich.text import Text

    console().print(Text.assemble((mark, colour), f" {line}"), soft_wrap=True)
