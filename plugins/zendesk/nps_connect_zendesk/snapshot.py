"""Snapshot of an account: ticket and user fields, groups, brands, forms and scopes. It only reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nps_connect import AccountSnapshot, Connection, VendorField, hookimpl
from nps_connect_zendesk.api import API_PATH, load_rows
from nps_connect_zendesk.check import TICKET_ATTRIBUTES
from nps_connect_zendesk.settings import ZendeskSettings
from nps_connect_zendesk.users import USER_ATTRIBUTES

ACTION = "snapshot"
ATTRIBUTE = "attribute"
"""Type of what every ticket or user has, other than the fields of the account."""

NAME_KEYS = {"groups": "name", "brands": "name", "ticket_forms": "name", "ticket_fields": "title"}
"""Objects that settings refer to by name, with the key of their name."""

CLOSED_LISTS = {
    "status": ("new", "open", "pending", "hold", "solved", "closed"),
    "priority": ("low", "normal", "high", "urgent"),
    "type": ("problem", "incident", "question", "task"),
}
"""Values of ticket attributes (https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/)."""


@hookimpl
def nps_snapshot(connection: Connection[ZendeskSettings]) -> AccountSnapshot:
    """Return ticket fields, user fields, the names of other objects, and the token's scopes if Zendesk tells them."""
    ticket_fields = list(load_rows(connection, "/ticket_fields", "ticket_fields", action=ACTION))
    tickets = {name: VendorField(type=ATTRIBUTE) for name in TICKET_ATTRIBUTES}
    tickets |= {f"field_{row.get('id')}": _field(row) for row in ticket_fields}
    for name, values in CLOSED_LISTS.items():
        tickets[name] = VendorField(type="tagger", options={value: value for value in values})
    users = {name: VendorField(type=ATTRIBUTE) for name in (*USER_ATTRIBUTES, "tags")}
    users |= {
        str(row.get("key")): _field(row)
        for row in load_rows(connection, "/user_fields", "user_fields", action=ACTION)
        if row.get("active") is not False
    }
    objects = {
        kind: tuple(str(row.get(key)) for row in load_rows(connection, f"/{kind}", kind, action=ACTION))
        for kind, key in NAME_KEYS.items()
    }
    return AccountSnapshot(fields={"ticket": tickets, "contact": users}, scopes=_scopes(connection), objects=objects)


def _field(row: Mapping[str, Any]) -> VendorField:
    options = row.get("custom_field_options") or ()
    return VendorField(
        type=str(row.get("type")),
        options={str(option.get("value")): str(option.get("name")) for option in options if isinstance(option, dict)},
    )


def _scopes(connection: Connection[ZendeskSettings]) -> tuple[str, ...] | None:
    if connection.settings.api_token is not None:
        return None
    response = connection.http.call(
        "GET", f"{API_PATH}/oauth/tokens/current", action=ACTION, idempotent=True, accept=(400, 403, 404, 422)
    )
    token = (response.json_or_none() or {}).get("token") if response.status == 200 else None
    if not isinstance(token, dict) or not isinstance(token.get("scopes"), list):
        return None
    return tuple(sorted(map(str, token["scopes"])))
