"""Generator of the page about the plugin contract: the quality rules with the checks of each."""

from __future__ import annotations

from generators.rule_notes import INTRODUCTION, NOTES
from nps_connect.settings.docstrings import parse_docstring
from nps_connect.testing import RULES, ConnectorContract, Rule


def render_page() -> str:
    """Return the page as Markdown, in the order of the rules."""
    table = ["| rule | requirement | checked by |", "| --- | --- | --- |"]
    for rule in RULES:
        by = "code" if rule.checks else "people, in review"
        table.append(f"| [`{rule.name}`](#{rule.name}) | {rule.requirement} | {by} |")
    return "\n\n".join([INTRODUCTION, "\n".join(table), *(render_rule(rule) for rule in RULES)])


def render_rule(rule: Rule) -> str:
    """Return the section of one rule: requirement, reason, how to pass, exceptions, checks."""
    lines = [f"## `{rule.name}`", rule.requirement]
    note = NOTES.get(rule.name)
    if note is not None:
        lines += [f"**Why.** {note.why}", f"**How to pass.** {note.how}"]
        lines.append(f"**Exceptions.** {note.exceptions}")
    if rule.checks:
        lines.append("\n".join(f"- `{check}`: {describe_check(check)}" for check in rule.checks))
    return "\n\n".join(lines)


def describe_check(name: str) -> str:
    """Return what a check of the contract looks at, one paragraph."""
    return " ".join(parse_docstring(getattr(ConnectorContract, name))[0].split())
