"""Reading lists from Zendesk: cursor pages, and look-ups of many ids at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from nps_connect import Connection

API_PATH = "/api/v2"
PAGE_SIZE = 100
"""Rows of a page, and ids of a ``show_many`` call: Zendesk's limit for both."""

MAX_PAGES = 50


def load_rows(
    connection: Connection, path: str, key: str, *, action: str, params: Mapping[str, str | int] | None = None
) -> Iterator[dict[str, Any]]:
    """Every row of a list, page after page.

    Raises:
        DeliveryError: any.
    """
    wanted: dict[str, str | int] = {"page[size]": PAGE_SIZE, **(params or {})}
    for _ in range(MAX_PAGES):
        page = connection.http.call_json("GET", f"{API_PATH}{path}", action=action, idempotent=True, params=wanted)
        yield from page.get(key) or []
        meta = page.get("meta") or {}
        if not meta.get("has_more") or not meta.get("after_cursor"):
            return
        wanted["page[after]"] = meta["after_cursor"]


def show_many(
    connection: Connection, path: str, ids: Iterable[str], *, action: str, include: str | None = None
) -> Iterator[dict[str, Any]]:
    """Answers of ``show_many`` for these ids, up to 100 ids each; ids that are not numbers are left out.

    Raises:
        DeliveryError: any.
    """
    left = iter(dict.fromkeys(one for one in ids if one.isascii() and one.isdigit()))
    while batch := list(islice(left, PAGE_SIZE)):
        params = {"ids": ",".join(batch), **({"include": include} if include else {})}
        yield connection.http.call_json(
            "GET", f"{API_PATH}{path}/show_many", action=action, idempotent=True, params=params
        )
