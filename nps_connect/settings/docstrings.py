"""Parser of docstrings with sections, for the schema of the configuration and the reference pages."""

from __future__ import annotations

import inspect
import re

_SECTION = re.compile(r"^(Args|Attributes|Raises|Returns|Yields):(.*)$")


def parse_docstring(documented: object) -> tuple[str, dict[str, str]]:
    """Return the text of a docstring without its sections, and the sections by name."""
    text: list[str] = []
    sections: dict[str, list[str]] = {}
    current: list[str] = text
    for line in (inspect.getdoc(documented) or "").splitlines():
        heading = _SECTION.match(line)
        if heading:
            current = sections.setdefault(heading[1], [heading[2].strip()] if heading[2].strip() else [])
        elif line and not line[0].isspace() and current is not text:
            current = text
            current.extend(("", line))
        else:
            current.append(line)
    return to_markdown("\n".join(text)), {
        name: inspect.cleandoc("\n" + "\n".join(body)) for name, body in sections.items()
    }


def parse_entries(section: str) -> dict[str, str]:
    """Return a section's ``name: text`` entries; names can share a text, and continuation lines are indented."""
    entries: dict[str, str] = {}
    names: list[str] = []
    for line in section.splitlines():
        head = None if line[:1].isspace() else re.match(r"([\w, ]+): (.*)", line)
        if head:
            names = [name.strip() for name in head[1].split(",")]
            entries.update(dict.fromkeys(names, head[2]))
        else:
            entries.update({name: f"{entries[name]} {line.strip()}" for name in names})
    return {name: to_markdown(text) for name, text in entries.items()}


def to_markdown(text: str) -> str:
    """Convert docstring markup to Markdown: double backquotes become single ones."""
    return re.sub(r"``(.+?)``", r"`\1`", text).strip()


def describe_attribute(documented: type, name: str) -> str:
    """Return the entry of an attribute in the docstring of a class or its nearest base class; empty if none has it."""
    for owner in inspect.getmro(documented):
        entry = parse_entries(parse_docstring(owner)[1].get("Attributes", "")).get(name)
        if entry:
            return entry
    return ""
