"""The owner of a contact in the CRM, who is responsible for it there. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from nps_connect.records.base import FieldValue, is_mail_address

MAX_OWNER_LENGTH = 200


def owner_value(fields: Mapping[str, FieldValue], owner_field: str | None) -> str | None:
    """Return the owner as the CRM names it, such as its id; None if the contact has none or the field is unknown.

    Args:
        fields: of the contact.
        owner_field: `cases.owner_field`.
    """
    value = fields.get(owner_field) if owner_field is not None else None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()[:MAX_OWNER_LENGTH] or None if value is not None else None


def owner_address(fields: Mapping[str, FieldValue], owner_field: str | None, owners: Mapping[str, str]) -> str | None:
    """Return the address of a contact's owner: the configured one, else the field's value if it is an address.

    Args:
        fields: of the contact.
        owner_field: `cases.owner_field`.
        owners: `cases.owners`.

    Returns:
        The address; None without an owner, or for one without an address.
    """
    owner = owner_value(fields, owner_field)
    if owner is None:
        return None
    return owners.get(owner) or (owner if is_mail_address(owner) else None)
