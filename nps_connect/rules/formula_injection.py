"""Escape cells against formula injection in spreadsheets (CWE-1236)."""

from __future__ import annotations

_FORMULA_PREFIXES = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def unescape_formula(text: str) -> str:
    """Remove the apostrophe of `escape_formula` from a cell of an own export."""
    return text[1:] if text.startswith("'") and escape_formula(text[1:]) == text else text


def escape_formula(text: str) -> str:
    """Prefix an apostrophe to text that a spreadsheet would evaluate as a formula.

    Comments come from customers, and an export is opened on the computer of staff.
    """
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA_PREFIXES) else text
