"""Fields of contacts that the configuration names, so that a plugin reads them and checks them at the vendor."""

from __future__ import annotations

from collections.abc import Collection

from nps_connect.records.base import Record
from nps_connect.records.filters import nearest_name
from nps_connect.records.findings import Finding


class ContactFieldUse(Record):
    """A contact field that a setting names.

    Attributes:
        setting: the setting, such as ``cases.owner_field``.
        field: the field's name at the vendor.
        is_only_source: no other connection has contacts that could have the field.
    """

    setting: str
    field: str
    is_only_source: bool = True

    def mismatch(self, vendor_fields: Collection[str], vendor: str) -> Finding | None:
        """Return a finding if the vendor's contacts lack the field, else None.

        It is a warning if the name is misspelt or no other connection could have the field.

        Args:
            vendor_fields: names of the fields of the vendor's contacts.
            vendor: name of the vendor, for the sentence.
        """
        if self.field in vendor_fields:
            return None
        near = nearest_name(self.field, list(vendor_fields))
        text = f"contacts have no field {self.field} of {self.setting} at {vendor}: it counts as missing, always"
        if near is None and not self.is_only_source:
            return Finding(severity="ok", text=text)
        fix = f"write {near!r}" if near else f"name a field that {vendor} has, by its internal name"
        return Finding(id="name-unknown", severity="warning", text=text, fix=fix)
