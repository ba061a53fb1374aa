"""The reference page of the SQL views."""

from __future__ import annotations

from nps_connect.ledger.views import VIEWS

INTRODUCTION = """# SQL views

What each view holds, the same on SQLite and PostgreSQL. [Open data](../open-data.md) says how to read them.
"""


def render_page() -> str:
    """Return the page."""
    parts = [INTRODUCTION]
    for name, view in VIEWS.items():
        rows = "\n".join(f"| `{column}` | {meaning} |" for column, (_, meaning) in view.columns.items())
        parts.append(f"## {name}\n\nOne row is {view.purpose}.\n\n| column | holds |\n| --- | --- |\n{rows}\n")
    return "\n".join(parts)
