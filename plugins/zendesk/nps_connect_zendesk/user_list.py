"""List of all end users, page by page, for the populations of recurring surveys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nps_connect import Connection, ContactPage, ListedContact, hookimpl
from nps_connect_zendesk.api import API_PATH, PAGE_SIZE
from nps_connect_zendesk.settings import ZendeskSettings
from nps_connect_zendesk.users import build_contact
from nps_connect_zendesk.webhooks import parse_moment

ACTION = "list_contacts"


@hookimpl
def nps_list_contacts(
    connection: Connection[ZendeskSettings], cursor: str | None, fields: Sequence[str]
) -> ContactPage:
    """Return a page of the account's end users; agents, admins and deleted users are left out.

    Cursor pages of 100 users: pages by number end after 10,000
    (https://developer.zendesk.com/api-reference/introduction/pagination/). Every user field is in each record, so
    `fields` needs no request of its own.

    Raises:
        DeliveryError: any.
    """
    params: dict[str, str | int] = {"role": "end-user", "page[size]": PAGE_SIZE}
    if cursor is not None:
        params["page[after]"] = cursor
    body = connection.http.call_json("GET", f"{API_PATH}/users", action=ACTION, idempotent=True, params=params)
    content: dict[str, Any] = body if isinstance(body, dict) else {}
    meta = content.get("meta") or {}
    listed = []
    for user in content.get("users") or []:
        contact, created_at = build_contact(connection, user), user.get("created_at")
        kept = {name: value for name, value in contact.fields.items() if name in fields}
        moment = parse_moment(created_at) if isinstance(created_at, str) else None
        listed.append(ListedContact(contact=contact.model_copy(update={"fields": kept}), created_at=moment))
    after = meta.get("after_cursor") if meta.get("has_more") else None
    return ContactPage(
        contacts=tuple(contact for contact in listed if not contact.contact.deleted), cursor=after or None
    )
