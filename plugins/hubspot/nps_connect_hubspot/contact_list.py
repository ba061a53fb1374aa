"""List of all contacts, page by page, for the populations of recurring surveys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from nps_connect import Connection, ContactPage, ListedContact, RetryLater, hookimpl
from nps_connect_hubspot.api import Api, next_cursor
from nps_connect_hubspot.contact_records import build_contact, properties_to_read
from nps_connect_hubspot.settings import HubSpotSettings

PAGE_SIZE = 100
"""Records of a page at most (HubSpot API reference, "List objects": `limit`)."""


@hookimpl
def nps_list_contacts(
    connection: Connection[HubSpotSettings], cursor: str | None, fields: Sequence[str]
) -> ContactPage:
    """Return a page of the portal's contacts, in the order of their ids; archived ones are not listed.

    The list endpoint has neither the index lag nor the quota of the search, and no limit of 10,000 results.

    Raises:
        DeliveryError: any.
    """
    api = Api(connection, "list_contacts")
    names = [name for name in fields if "." not in name]
    params: dict[str, str | int] = {
        "limit": PAGE_SIZE,
        "properties": ",".join(sorted(properties_to_read(api.settings, names))),
    }
    if cursor is not None:
        params["after"] = cursor
    body = api.get(api.paths.records("contacts"), params=params).json_or_none()
    rows = body.get("results") if isinstance(body, dict) else None
    if not isinstance(rows, list) or not isinstance(body, dict):
        raise RetryLater("unexpected response from HubSpot instead of a page of contacts")
    listed = [
        ListedContact(contact=build_contact(connection, row, names), created_at=_created_at(row))
        for row in rows
        if isinstance(row, dict)
    ]
    return ContactPage(contacts=tuple(listed), cursor=next_cursor(body))


def _created_at(row: dict[str, Any]) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(row.get("createdAt")))
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None
