"""Generator of the page of findings."""

from __future__ import annotations

from nps_connect.records.finding_kinds import FINDING_KINDS

INTRODUCTION = """# Findings

What `doctor`, `status` and `connections check` report, by its id. An id never changes its meaning: programs may compare
it, and each finding in `--json`, the log and alerts carries it. What is wrong in a particular case, and the command
that helps, stands in the finding itself."""


def render_page() -> str:
    """Return the page as Markdown: one section per kind of finding, by id."""
    sections = [
        f"## {finding_id}\n\n**{kind.title}.** {kind.why}" for finding_id, kind in sorted(FINDING_KINDS.items())
    ]
    return "\n\n".join([INTRODUCTION, *sections])
