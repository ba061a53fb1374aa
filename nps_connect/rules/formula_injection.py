"""Escape cells against formula injection in spreadsheets (CWE-1236)."""

from __future__ import annotations

_FORMULA_PREFIXES = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def escape_formula(text: str) -> str:
    """Prefix an apostrophe to text that a spreadsheet would evaluate as a formula.

    Comments come from customers, and an export is opened on the computer of staff.
    """
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA_PREFIXES) else text
