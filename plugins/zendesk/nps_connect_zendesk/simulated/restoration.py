"""Give a simulated account what settings name, or the fields, groups, brands, forms and scopes of a snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nps_connect import AccountSnapshot, VendorField
from nps_connect_zendesk.simulated.account import Account, Row
from nps_connect_zendesk.snapshot import ATTRIBUTE, CLOSED_LISTS, NAME_KEYS

FIELD_PREFIX = "field_"


def name_objects(account: Account, settings: Mapping[str, Any]) -> None:
    """Add the objects and agents that settings name: which ones the account has is not known."""
    exclude = settings.get("exclude") or {}
    names = {
        "groups": [settings.get("group"), *exclude.get("groups", ())],
        "brands": [settings.get("brand")],
        "ticket_forms": [settings.get("ticket_form"), *exclude.get("forms", ())],
    }
    for kind, values in names.items():
        rows = account.resources.setdefault(kind, [])
        for name in values:
            if isinstance(name, str) and name not in [row["name"] for row in rows]:
                rows.append({"id": account.next_resource_id(), "name": name, "active": True})
    agent = settings.get("assignee")
    if isinstance(agent, str) and account.user_with(agent) is None:
        account.add_user("Agent", agent)["role"] = "agent"


def restore_account(account: Account, snapshot: AccountSnapshot) -> None:
    """Replace the lists of an account."""
    account.resources["user_fields"] = [
        {"id": account.next_resource_id(), "key": key, "title": key, "active": True, **_type(field)}
        for key, field in snapshot.fields.get("contact", {}).items()
        if field.type != ATTRIBUTE
    ]
    titles = iter(snapshot.objects.get("ticket_fields", ()))
    account.resources["ticket_fields"] = [
        {"id": int(name.removeprefix(FIELD_PREFIX)), "title": next(titles, name), "active": True, **_type(field)}
        for name, field in snapshot.fields.get("ticket", {}).items()
        if name not in CLOSED_LISTS and name.removeprefix(FIELD_PREFIX).isdigit()
    ]
    for kind, key in NAME_KEYS.items():
        if kind != "ticket_fields":
            account.resources[kind] = [
                {"id": account.next_resource_id(), key: name, "active": True} for name in snapshot.objects.get(kind, ())
            ]


def _type(field: VendorField) -> Mapping[str, object]:
    options: list[Row] = [{"value": value, "name": name} for value, name in field.options.items()]
    return {"type": field.type, "custom_field_options": options}
