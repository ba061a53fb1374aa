"""The scopes of keys of the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

ApiScope = Literal[
    "events:write",
    "contacts:write",
    "invitations:write",
    "responses:read",
    "responses:write",
    "reports:read",
    "decisions:read",
    "suppressions:read",
    "suppressions:write",
    "cases:read",
    "cases:write",
    "people",
]
"""What a key of the API allows."""

API_SCOPES: tuple[ApiScope, ...] = get_args(ApiScope)

SCOPE_DESCRIPTIONS: Mapping[ApiScope, str] = {
    "events:write": "create events",
    "contacts:write": "create and update contacts",
    "invitations:write": "ask a person",
    "responses:read": "read responses",
    "responses:write": "record responses taken elsewhere",
    "reports:read": "read the NPS",
    "decisions:read": "read the decisions on a contact",
    "suppressions:read": "list suppressions",
    "suppressions:write": "add and remove suppressions",
    "cases:read": "read cases",
    "cases:write": "assign, note, solve and reopen cases",
    "people": "names, addresses and vendor ids in what is read; without it people are pseudonyms",
}
