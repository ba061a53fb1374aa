"""What ``report`` was asked for."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

FORMATS = ("table", "csv", "md", "html")


class ReportChoice(NamedTuple):
    """Groups, comparison and format of a report."""

    by: str | None
    is_compared: bool
    output_format: str
    as_json: bool
    output: Path | None = None
