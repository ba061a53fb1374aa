"""Recount the answers of a file without any code of the importer."""

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, tzinfo
from io import StringIO
from pathlib import Path
from typing import Any

DAY_FIRST = ("%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y")
MONTH_FIRST = ("%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %I:%M %p", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%m/%d/%Y")
PAGES = ("data", "items", "results", "responses")


def read_raw(path: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the rows of a CSV file, or the objects of a JSON file, as they are."""
    data = path.read_bytes()
    try:
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252")
    if not re.match(r'\s*(\[\s*[{\]]|\{\s*")', text):
        head = text.lstrip().partition("\n")[0]
        yield from csv.DictReader(StringIO(text, newline=""), delimiter=max(";,\t|", key=head.count))
        return
    place = re.compile(r"\s*")
    position = place.match(text).end()  # type: ignore[union-attr]
    while position < len(text):
        value, position = json.JSONDecoder().raw_decode(text, position)
        position = place.match(text, position).end()  # type: ignore[union-attr]
        while isinstance(value, dict) and (page := next((key for key in PAGES if value.get(key)), None)):
            value = value[page]
        yield from value if isinstance(value, list) else [value]


def pick(row: Mapping[str, Any], names: Sequence[str]) -> str:
    """Return the text or number of a row under the first of these names that has one; dots lead into objects."""
    for name in names:
        value: Any = row
        for key in [name] if name in row else name.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        if value not in (None, "") and not isinstance(value, dict | list):
            return str(value).strip()
    return ""


def parse_time(text: str, zone: tzinfo, order: str | None) -> datetime:
    """Return a moment in a zone; one without a zone is in this one."""
    if text.isdigit():
        return datetime.fromtimestamp(int(text[:10]), zone)
    for pattern in MONTH_FIRST if order == "month-first" else DAY_FIRST:
        try:
            return datetime.strptime(text, pattern).replace(tzinfo=zone)
        except ValueError:
            continue
    moment = datetime.fromisoformat(text.replace(" UTC", "+00:00"))
    return moment.astimezone(zone) if moment.tzinfo else moment.replace(tzinfo=zone)
