"""Reading Google-style docstrings."""

from __future__ import annotations

import inspect
import re

_SECTION = re.compile(r"^(Args|Attributes|Raises|Returns|Yields):(.*)$")


def parse_docstring(documented: object) -> tuple[str, dict[str, str]]:
    """The text of a docstring without its sections, and the sections by name."""
    text: list[str] = []
    sections: dict[str, list[str]] = {}
    current: list[str] = text
    for line in (inspect.getdoc(documented) or "").splitlines():
        found = _SECTION.match(line)
        if found:
            current = sections.setdefault(found[1], [found[2].strip()] if found[2].strip() else [])
        elif line and not line[0].isspace() and current is not text:
            current = text
            current.extend(("", line))
        else:
            current.append(line)
    return to_markdown("\n".join(text)), {
        name: inspect.cleandoc("\n" + "\n".join(body)) for name, body in sections.items()
    }


def parse_entries(section: str) -> dict[str, str]:
    """A section's ``name: text`` entries; several names may share a text. Continued lines are indented."""
    found: dict[str, str] = {}
    names: list[str] = []
    for line in section.splitlines():
        head = None if line[:1].isspace() else re.match(r"([\w, ]+): (.*)", line)
        if head:
            names = [name.strip() for name in head[1].split(",")]
            found.update(dict.fromkeys(names, head[2]))
        else:
            found.update({name: f"{found[name]} {line.strip()}" for name in names})
    return {name: to_markdown(text) for name, text in found.items()}


def to_markdown(text: str) -> str:
    """Docstring markup as Markdown: double backquotes become single ones."""
    return re.sub(r"``(.+?)``", r"`\1`", text).strip()
