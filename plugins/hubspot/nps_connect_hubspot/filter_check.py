"""Do the properties exist that the filters of triggers name, and are they compared as what they are?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from nps_connect import Finding
from nps_connect_hubspot.api import Api

OBJECTS = {"deal": "deals", "ticket": "tickets", "contact": "contacts"}
FieldType = Literal["text", "number", "boolean", "moment"]
TYPES: Mapping[str, FieldType] = {
    "string": "text",
    "enumeration": "text",
    "phone_number": "text",
    "number": "number",
    "bool": "boolean",
    "date": "moment",
    "datetime": "moment",
}
"""HubSpot's types as filters know them; another one is left alone."""


def filter_findings(api: Api) -> Iterator[Finding]:
    """One call for each kind of object whose own properties a filter names."""
    asked = [use for use in api.connection.filters if use.fields]
    known: dict[str, dict[str, FieldType | None]] = {}
    wrong = False
    for use in asked:
        kind = OBJECTS[use.on.partition(".")[0]]
        if kind not in known:
            known[kind] = _properties(api, kind)
        for finding in use.mismatches(known[kind], "HubSpot"):
            wrong = True
            yield finding
    if asked and not wrong:
        names = sorted({name for use in asked for name in use.fields})
        yield Finding(severity="ok", text=f"the properties that filters name are there: {', '.join(names)}")


def _properties(api: Api, kind: str) -> dict[str, FieldType | None]:
    told = api.get(api.paths.definitions(kind)).json_or_none()
    rows = told.get("results") if isinstance(told, dict) else None
    return {str(row.get("name")): TYPES.get(str(row.get("type"))) for row in rows or [] if isinstance(row, dict)}
