"""Reading lists from Zendesk: cursor pages, and look-ups of many ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from nps_connect import Connection, pages
from nps_connect_zendesk.settings import ZendeskSettings

API_PATH = "/api/v2"
PAGE_SIZE = 100
"""Rows of a page, and ids of a ``show_many`` call: Zendesk's limit for both."""


def load_rows(
    connection: Connection[ZendeskSettings],
    path: str,
    key: str,
    *,
    action: str,
    params: Mapping[str, str | int] | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield every row of a list, page by page.

    Raises:
        DeliveryError: any.
    """

    def load_page(cursor: str | None) -> dict[str, Any]:
        query = {"page[size]": PAGE_SIZE, **(params or {}), **({} if cursor is None else {"page[after]": cursor})}
        page: dict[str, Any] = connection.http.call_json(
            "GET", f"{API_PATH}{path}", action=action, idempotent=True, params=query
        )
        return page

    for page in pages(load_page, _next_cursor):
        yield from page.get(key) or []


def _next_cursor(page: Mapping[str, Any]) -> str | None:
    meta = page.get("meta") or {}
    return meta.get("after_cursor") or None if meta.get("has_more") else None


def show_many(
    connection: Connection[ZendeskSettings], path: str, ids: Iterable[str], *, action: str, include: str | None = None
) -> Iterator[dict[str, Any]]:
    """Yield the responses of ``show_many`` for these ids, up to 100 ids each; ids that are not numbers are skipped.

    Raises:
        DeliveryError: any.
    """
    remaining = iter(dict.fromkeys(value for value in ids if value.isascii() and value.isdigit()))
    while batch := list(islice(remaining, PAGE_SIZE)):
        params = {"ids": ",".join(batch), **({"include": include} if include else {})}
        yield connection.http.call_json(
            "GET", f"{API_PATH}{path}/show_many", action=action, idempotent=True, params=params
        )
