"""Write the reference pages from the code, or check that they are what the code says.

Usage: ``python docs/generate.py`` writes, ``python docs/generate.py --check`` fails where a page has drifted.
"""

from __future__ import annotations

import sys
from pathlib import Path

from generators import api, cli, contract, errors, event_kinds, findings, hooks, records, settings, views, webhooks

PAGES = {
    "../findings.md": findings.render_page,
    "../plugins/records.md": records.render_page,
    "../plugins/event-kinds.md": event_kinds.render_page,
    "../plugins/contract.md": contract.render_page,
    "hooks.md": hooks.render_page,
    "settings.md": settings.render_page,
    "errors.md": errors.render_page,
    "cli.md": cli.render_page,
    "api.md": api.render_page,
    "views.md": views.render_page,
    "webhooks.schema.json": webhooks.render_schema,
}
REFERENCE = Path(__file__).parent / "reference"
NOTE = "<!-- Generated from the code by docs/generate.py: edit the code, then run `make docs`. -->\n\n"


def main(arguments: list[str]) -> int:
    """Write all pages, or compare them with the files if ``--check`` is given; return the exit code."""
    drifted = []
    for name, render_page in PAGES.items():
        note = NOTE if name.endswith(".md") else ""
        path, text = REFERENCE / name, note + render_page().rstrip() + "\n"
        if "--check" not in arguments:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            drifted.append(name)
    if drifted:
        print(f"out of date: {', '.join(drifted)}; run: python docs/generate.py", file=sys.stderr)
    return 1 if drifted else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
