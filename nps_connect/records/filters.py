"""Fields that a trigger's filter uses, so that a plugin can check them against the fields of the vendor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from pydantic import Field

from nps_connect.records.base import Record
from nps_connect.records.connectors import FieldType
from nps_connect.records.findings import Finding

SIMILARITY_CUTOFF = 0.8
"""Similarity from 0 to 1 from which on a name counts as a misspelling of another."""

_LITERAL_EXAMPLES: Mapping[FieldType, str] = {
    "text": 'a text such as "won"',
    "number": "a number such as 100",
    "boolean": "true or false",
    "moment": 'a moment such as d"2026-01-31T09:00:00Z"',
}


def nearest_name(name: str, candidates: list[str]) -> str | None:
    """Return the candidate that differs from a name in a letter or in case only, or None."""
    candidate_by_folded = {candidate.casefold(): candidate for candidate in candidates}
    close = get_close_matches(name.casefold(), candidate_by_folded, n=1, cutoff=SIMILARITY_CUTOFF)
    return candidate_by_folded[close[0]] if close else None


class FilterUse(Record):
    """Fields that a trigger's filter uses and that the plugin does not declare.

    Attributes:
        trigger: name of the trigger.
        on: kind of event.
        fields: types that each field is compared as; empty if it is only compared with null.
    """

    trigger: str
    on: str
    fields: dict[str, tuple[FieldType, ...]] = Field(default_factory=dict)

    def mismatches(self, vendor_fields: Mapping[str, FieldType | None], vendor: str) -> Iterator[Finding]:
        """Yield a finding for each field that the vendor lacks, or that is compared as another type than it has.

        Args:
            vendor_fields: fields of the vendor for this kind of event with their types; None for an unknown type.
            vendor: name of the vendor, for the sentence.
        """
        for name, compared_types in sorted(self.fields.items()):
            where = f"trigger {self.trigger!r}: the filter names {name!r}"
            if name not in vendor_fields:
                near = nearest_name(name, list(vendor_fields))
                yield Finding(
                    id="filter-field",
                    severity="error",
                    text=f"{where}, which {vendor} does not have for {self.on}: it counts as missing, always",
                    fix=f"write {near!r}" if near else f"name a field that {vendor} has, by its internal name",
                )
                continue
            wrong_types = [kind for kind in compared_types if vendor_fields[name] not in (None, kind)]
            if wrong_types:
                kind = vendor_fields[name] or "text"
                yield Finding(
                    id="filter-field",
                    severity="error" if kind == "moment" else "warning",
                    text=f"{where}, which is a {kind} at {vendor}, but compares it as a {wrong_types[0]}",
                    fix=f"compare it with {_LITERAL_EXAMPLES[kind]}",
                )
