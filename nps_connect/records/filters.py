"""What a trigger's filter asks of the vendor, so that a plugin can check it against what the vendor has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from pydantic import Field

from nps_connect.records.base import Record
from nps_connect.records.connectors import FieldType
from nps_connect.records.findings import Finding

SIMILARITY_CUTOFF = 0.8
"""How alike two names are, from 0 to 1, before one is taken for a slip of the other."""

_LITERAL_EXAMPLES: Mapping[FieldType, str] = {
    "text": 'a text such as "won"',
    "number": "a number such as 100",
    "boolean": "true or false",
    "moment": 'a moment such as d"2026-01-31T09:00:00Z"',
}


def nearest_name(name: str, known: list[str]) -> str | None:
    """The known name that was probably meant: one that differs in a letter or in case only; else none."""
    folded = {one.casefold(): one for one in known}
    close = get_close_matches(name.casefold(), folded, n=1, cutoff=SIMILARITY_CUTOFF)
    return folded[close[0]] if close else None


class FilterUse(Record):
    """The fields that a trigger's filter names beside those that the plugin declares.

    Attributes:
        trigger: its name.
        on: the kind of event.
        fields: what each field is compared as; nothing where only its presence is asked.
    """

    trigger: str
    on: str
    fields: dict[str, tuple[FieldType, ...]] = Field(default_factory=dict)

    def mismatches(self, known: Mapping[str, FieldType | None], vendor: str) -> Iterator[Finding]:
        """A finding for each field that the vendor does not have, or whose type the filter does not compare it as.

        Args:
            known: the vendor's fields for this kind of event, with their types; none for one that is not told.
            vendor: its name, for the sentence.
        """
        for name, kinds in sorted(self.fields.items()):
            where = f"trigger {self.trigger!r}: the filter names {name!r}"
            if name not in known:
                near = nearest_name(name, list(known))
                yield Finding(
                    severity="error",
                    text=f"{where}, which {vendor} does not have for {self.on}: it counts as missing, always",
                    fix=f"write {near!r}" if near else f"name a field that {vendor} has, by its internal name",
                )
                continue
            wrong = [kind for kind in kinds if known[name] not in (None, kind)]
            if wrong:
                kind = known[name] or "text"
                yield Finding(
                    severity="error" if kind == "moment" else "warning",
                    text=f"{where}, which is a {kind} at {vendor}, but compares it as a {wrong[0]}",
                    fix=f"compare it with {_LITERAL_EXAMPLES[kind]}",
                )
