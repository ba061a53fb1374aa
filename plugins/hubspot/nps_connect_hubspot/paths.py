"""Paths per API version. The prefix is not uniform between versions, so each version has its own table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True)
class Paths:
    """Paths of the resources of one version.

    Attributes:
        version: the version's date.
        objects, properties, associations, preferences, account, webhooks: prefixes.
    """

    version: str
    objects: str
    properties: str
    associations: str
    preferences: str
    account: str
    webhooks: str

    def batch(self, kind: str, verb: str) -> str:
        """`POST` up to 100 inputs: `read`, `create`, `update`, `archive`."""
        return f"{self.objects}/{kind}/batch/{verb}"

    def search(self, kind: str) -> str:
        """`POST` a search."""
        return f"{self.objects}/{kind}/search"

    def records(self, kind: str) -> str:
        """`GET` a page of records."""
        return f"{self.objects}/{kind}"

    def record(self, kind: str, record_id: str) -> str:
        """`GET` or `PATCH` one record."""
        return f"{self.objects}/{kind}/{quote(record_id, safe='')}"

    def associated(self, source: str, target: str) -> str:
        """`POST` a batch read of associations."""
        return f"{self.associations}/{source}/{target}/batch/read"

    def definitions(self, kind: str) -> str:
        """`GET` all property definitions, `POST` a new one."""
        return f"{self.properties}/{kind}"

    def definition(self, kind: str, name: str) -> str:
        """`GET` or `PATCH` one property definition."""
        return f"{self.properties}/{kind}/{name}"

    def groups(self, kind: str) -> str:
        """`GET` all property groups, `POST` a new one."""
        return f"{self.properties}/{kind}/groups"

    def group(self, kind: str, name: str) -> str:
        """`GET` one property group."""
        return f"{self.properties}/{kind}/groups/{name}"

    def statuses(self, email: str) -> str:
        """`GET` or `POST` the subscription statuses of an address."""
        return f"{self.preferences}/statuses/{quote(email, safe='')}"

    def unsubscribe_all(self, email: str) -> str:
        """`POST` to opt an address out of everything."""
        return f"{self.statuses(email)}/unsubscribe-all"

    @property
    def details(self) -> str:
        """`GET` the portal's details."""
        return f"{self.account}/details"

    @property
    def daily_usage(self) -> str:
        """`GET` the use of today's quota."""
        return f"{self.account}/api-usage/daily/private-apps"

    def subscriptions(self, app_id: int) -> str:
        """`GET` or `POST` an app's webhook subscriptions."""
        return f"{self.webhooks}/{app_id}/subscriptions"

    def webhook_settings(self, app_id: int) -> str:
        """`GET` an app's webhook address."""
        return f"{self.webhooks}/{app_id}/settings"


PATHS: Mapping[str, Paths] = {
    "2026-03": Paths(
        version="2026-03",
        objects="/crm/objects/2026-03",
        properties="/crm/properties/2026-03",
        associations="/crm/associations/2026-03",
        preferences="/communication-preferences/2026-03",
        account="/account-info/2026-03",
        webhooks="/webhooks/2026-03",
    ),
    "2026-09": Paths(
        version="2026-09",
        objects="/crm/objects/2026-09",
        properties="/crm/properties/2026-09",
        associations="/crm/associations/2026-09",
        preferences="/communication-preferences/2026-09",
        account="/account-info/2026-09",
        webhooks="/app-webhooks/2026-09",
    ),
}
"""By version. Sources: HubSpot's API reference of each version; versions are released in March and September."""
