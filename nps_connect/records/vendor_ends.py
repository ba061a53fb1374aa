"""Ends that a vendor has announced, as a plugin's ``vendor_ends.toml`` lists them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from nps_connect.records.base import Record, Text


class VendorEnd(Record):
    """One announced end at a vendor, such as that of an API version.

    Attributes:
        what: what ends.
        on: the day from which it may stop working.
        setting: the end concerns connections that set this key ...
        value: ... to this value; None means any.
        fix: what to do about it.
        source: address of the vendor's page that says so.
        read: the day on which that page was read.
    """

    what: Text
    on: date
    setting: str
    value: str | None = None
    fix: Text
    source: str
    read: date

    def concerns(self, settings: object) -> bool:
        """Return whether the settings of a connection use what ends."""
        value = getattr(settings, self.setting, None)
        return value is not None and self.value in (None, str(value))


class VendorEnds(Record):
    """The content of a plugin's ``vendor_ends.toml``.

    Attributes:
        ends: every announced end.
    """

    ends: Sequence[VendorEnd] = ()
