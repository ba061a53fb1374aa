"""Response formats of the simulated Zendesk: error bodies and list pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nps_connect import VendorReply, VendorRequest, json_reply

MAX_NUMBERED_PAGES = 100


class Refusal(Exception):
    """A request that is answered with an error."""

    def __init__(self, reply: VendorReply) -> None:
        self.reply = reply
        super().__init__(str(reply.status))


def not_found() -> Refusal:
    """Return the 404 of a missing record."""
    return Refusal(json_reply(404, {"error": "RecordNotFound", "description": "Not found"}))


def unknown_endpoint() -> Refusal:
    """Return the 404 of a path that is no endpoint."""
    return Refusal(json_reply(404, {"error": "InvalidEndpoint", "description": "Not found"}))


def invalid(details: Mapping[str, str], code: str = "InvalidValue") -> Refusal:
    """Return a 422 for invalid fields of the record."""
    body = {
        "error": "RecordInvalid",
        "description": "Record validation errors",
        "details": {name: [{"description": text, "error": code}] for name, text in details.items()},
    }
    return Refusal(json_reply(422, body))


def bad_request(code: str, text: str) -> Refusal:
    """Return a 400 with a code."""
    return Refusal(json_reply(400, {"error": code, "description": text}))


def titled_error(status: int, title: str, message: str) -> Refusal:
    """Return an error in the other format: the error is an object."""
    return Refusal(json_reply(status, {"error": {"title": title, "message": message}}))


def forbidden(scopes: Sequence[str]) -> Refusal:
    """Return a 403 for a token without the scope."""
    text = f"You are missing the following required scopes: {', '.join(scopes)}"
    return Refusal(json_reply(403, {"error": "Forbidden", "description": text}))


def not_admin() -> Refusal:
    """Return a 403 for an agent who is not an admin."""
    text = "You do not have access to this page. Please contact the account owner of this help desk for further help."
    return titled_error(403, "Forbidden", text)


def page_of(request: VendorRequest, key: str, rows: Sequence[Mapping[str, Any]]) -> VendorReply:
    """Return a page of a list: `page[size]` up to 100, `page[after]`.

    Pages by number end after 100 (https://developer.zendesk.com/api-reference/introduction/pagination/).

    Raises:
        Refusal: 400.
    """
    if request.query.get("page", "1").isdigit() and int(request.query.get("page", "1")) > MAX_NUMBERED_PAGES:
        raise bad_request("InvalidPaginationDepth", "Number of pages is limited to 100, use cursor pagination")
    size = max(1, min(100, int(request.query.get("page[size]", "100"))))
    cursor = request.query.get("page[after]", "0")
    if not cursor.isdigit():
        raise bad_request("InvalidPaginationParameter", "page[after] is not a cursor of this list")
    start = int(cursor)
    has_more = start + size < len(rows)
    after = str(start + size) if has_more else None
    body = {
        key: list(rows[start : start + size]),
        "meta": {"has_more": has_more, "after_cursor": after},
        "links": {"next": f"{request.path}?page[size]={size}&page[after]={after}" if has_more else None},
    }
    return json_reply(200, body)


def json_object(request: VendorRequest, key: str) -> dict[str, Any]:
    """Return the object under `key` in the body.

    Raises:
        Refusal: 400 or 422.
    """
    try:
        body = request.json()
    except ValueError:
        raise bad_request("JSONParseError", "Unprocessable JSON") from None
    if not isinstance(body, dict) or not isinstance(body.get(key), dict):
        raise titled_error(400, "Invalid attribute", f"You passed an invalid value for the {key} attribute.")
    value: dict[str, Any] = body[key]
    return value
