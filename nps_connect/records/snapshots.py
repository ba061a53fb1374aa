"""Snapshots of vendor accounts: the names that a configuration may refer to, without data about people."""

from __future__ import annotations

from pydantic import Field

from nps_connect.records.base import Moment, Record


class VendorField(Record):
    """A field of a kind of object at the vendor.

    Attributes:
        type: the vendor's own name of the type.
        options: the only values that it can have, with the label that people see; empty if it can have any.
    """

    type: str
    options: dict[str, str] = Field(default_factory=dict)


class AccountSnapshot(Record):
    """What an account had when the snapshot was taken.

    Attributes:
        fields: the fields of each kind of object by name. The kinds are the nouns of event kinds, such as `deal`.
        scopes: permissions of the connection's credentials; None if the vendor does not tell them.
        objects: names of other objects that settings refer to, by kind, such as `groups`.
    """

    fields: dict[str, dict[str, VendorField]] = Field(default_factory=dict)
    scopes: tuple[str, ...] | None = None
    objects: dict[str, tuple[str, ...]] = Field(default_factory=dict)


class SnapshotFile(Record):
    """The file that ``connections snapshot`` writes and ``doctor prove`` reads.

    Attributes:
        taken_at: when the last account was read.
        connections: the snapshots by connection.
    """

    taken_at: Moment
    connections: dict[str, AccountSnapshot] = Field(default_factory=dict)
