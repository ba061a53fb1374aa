"""Cells that a spreadsheet must not take for formulas."""

from __future__ import annotations

_FORMULA_PREFIXES = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def escape_formula(text: str) -> str:
    """The text with an apostrophe before it where a spreadsheet would calculate it.

    Customers write comments, and whoever opens an export runs what they wrote.
    """
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA_PREFIXES) else text
