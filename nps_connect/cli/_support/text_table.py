"""Layout of tables for a terminal of any width. Pure: returns lines.

Only the last column is ever wrapped: beside the others, or where that is too narrow to read, on lines of its own below
each row. Where the other columns do not fit, the rows become records: one ``name  value`` line per cell, the records
below each other.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len, chop_cells

GAP = "  "
MIN_LAST_COLUMN = 30
"""A last column is wrapped down to this width, then it goes below its row."""
INDENT = 4


def layout_table(headings: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Return the lines of a table with a heading, or of its records, that fit a width in terminal cells.

    Columns without any value are left out.

    Args:
        headings: one per column.
        rows: one text per column; line ends become spaces.
        width: available cells.
    """
    cleaned = [[" ".join(cell.split()) for cell in row] for row in rows]
    used = [index for index in range(len(headings)) if any(row[index] for row in cleaned)]
    names = [headings[index] for index in used]
    cells = [[row[index] for index in used] for row in cleaned]
    if not used:
        return []
    widths = [max(map(cell_len, column)) for column in zip(names, *cells, strict=True)]
    beside = width - sum(widths[:-1]) - len(GAP) * (len(widths) - 1)
    if widths[-1] <= beside or beside >= MIN_LAST_COLUMN:
        widths[-1] = min(widths[-1], beside)
        return _layout_beside(names, cells, widths)
    if len(widths) > 1 and beside + len(GAP) >= 0:
        return _layout_below(names, cells, widths[:-1], width)
    return _layout_records(names, cells, width)


def _layout_beside(names: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int]) -> list[str]:
    lines = _heading(names, widths)
    for row in rows:
        first, *others = wrap(row[-1], widths[-1])
        lines.append(_join([*row[:-1], first], widths))
        lines += [_join([*[""] * (len(row) - 1), line], widths) for line in others]
    return lines


def _layout_below(names: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int], width: int) -> list[str]:
    lines = _heading(names[:-1], widths)
    for row in rows:
        lines.append(_join(row[:-1], widths))
        if row[-1]:
            lines += [" " * INDENT + line for line in wrap(row[-1], width - INDENT)]
    return lines


def _heading(names: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [_join(names, widths), GAP.join("─" * size for size in widths)]


def wrap(text: str, width: int) -> list[str]:
    """Return the lines of a text, broken at spaces, and inside words that are longer than a line; at least one."""
    lines, line = [], ""
    for word in text.split(" "):
        candidate = f"{line} {word}" if line else word
        if cell_len(candidate) <= width:
            line = candidate
            continue
        if line:
            lines.append(line)
        *full, line = chop_cells(word, max(width, 1)) or [""]
        lines += full
    return [*lines, line]


def _layout_records(names: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[str]:
    label_width = max(map(cell_len, names))
    lines: list[str] = []
    for row in rows:
        lines += [""] if lines else []
        for name, cell in zip(names, row, strict=True):
            if not cell:
                continue
            first, *others = wrap(cell, max(width - label_width - len(GAP), 10))
            lines.append(_pad(name, label_width) + GAP + first)
            lines += [" " * label_width + GAP + line for line in others]
    return lines


def _join(cells: Sequence[str], widths: Sequence[int]) -> str:
    return GAP.join(map(_pad, cells, widths)).rstrip()


def _pad(text: str, width: int) -> str:
    return text + " " * (width - cell_len(text))
