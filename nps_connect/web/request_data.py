"""Reads requests: bodies up to a limit, webhooks, page views, the client's network, the origin of a form."""

from __future__ import annotations

import asyncio
import ipaddress
import re
from datetime import datetime
from functools import lru_cache
from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect, Request

from nps_connect.records.events import WebhookRequest
from nps_connect.records.pages import PageView
from nps_connect.sanitization import one_line

_BYTE = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = re.compile(rf"((?:{_BYTE}\.){{3}}){_BYTE}", re.ASCII)
BODY_TIMEOUT_SECONDS = 30.0
MAX_USER_AGENT_LENGTH = 200
_BODY_ERROR_CODES = {400: "unreadable", 408: "too_slow", 413: "too_large"}


class UnreadableBody(Exception):
    """The body could not be read completely.

    Attributes:
        status: the HTTP status of the response: 408 too slow, 413 too large, 400 connection lost.
        code: the error code of a JSON response.
    """

    def __init__(self, status: int) -> None:
        self.status = status
        self.code = _BODY_ERROR_CODES[status]
        super().__init__(f"body not read ({status})")


async def read_body(request: Request, limit: int) -> bytes:
    """Return the whole body.

    A ``Content-Length`` over the limit is refused before anything is read; otherwise the received bytes are counted.

    Args:
        request: its body must not have been read yet.
        limit: in bytes.

    Raises:
        UnreadableBody: the body exceeds the limit, takes more than 30 s, or the client disconnects.
    """
    content_length = request.headers.get("content-length", "")
    if content_length.isascii() and content_length.isdigit() and int(content_length[:20]) > limit:
        raise UnreadableBody(413)
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_TIMEOUT_SECONDS):
            async for part in request.stream():
                size += len(part)
                if size > limit:
                    raise UnreadableBody(413)
                parts.append(part)
    except TimeoutError as error:
        raise UnreadableBody(408) from error
    except ClientDisconnect as error:
        raise UnreadableBody(400) from error
    return b"".join(parts)


def build_webhook_request(request: Request, body: bytes, public_url: str, received_at: datetime) -> WebhookRequest:
    """Build the request as the vendor signed it: the public base URL with path and query exactly as sent."""
    path = request.scope.get("raw_path") or request.scope["path"].encode()
    query = request.scope["query_string"]
    target = path + (b"?" + query if query else b"")
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return WebhookRequest(
        method=request.method,
        url=public_url + target.decode("latin-1"),
        headers=headers,
        body=body,
        received_at=received_at,
    )


def build_page_view(
    request: Request, at: datetime, *, score: int | None = None, language: str | None = None
) -> PageView:
    """Describe this request as a page view."""
    return PageView(
        method=request.method,
        at=at,
        address=truncate_to_network(request.client.host if request.client else None),
        agent=_clean_user_agent(request.headers.get("user-agent", "")),
        score=score,
        language=language,
    )


@lru_cache(maxsize=1024)
def _clean_user_agent(text: str) -> str | None:
    """Return the user agent on one line, cut to 200 characters. Cached: browsers share a few values."""
    return one_line(text, MAX_USER_AGENT_LENGTH) or None


def truncate_to_network(address: str | None) -> str | None:
    """Return the network of an address (/24 or /48): enough to detect bots, too little to identify a person."""
    ipv4 = _IPV4.fullmatch(address or "")  # the common case, without the cost of `ipaddress`
    if ipv4:
        return f"{ipv4[1]}0/24"
    try:
        ip = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return None
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    return str(ipaddress.ip_network((ip, 24 if ip.version == 4 else 48), strict=False))


def is_cross_site(request: Request, public_url: str) -> bool:
    """Return whether a form was submitted from a page of another site.

    `Sec-Fetch-Site` decides where the browser sends it. An `Origin` of ``null`` proves nothing: browsers send it for
    our own forms too, because our pages forbid referrers.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site not in {"same-origin", "none"}
    origin = request.headers.get("origin")
    if origin is None or origin == "null":
        return False
    host = urlsplit(origin).netloc.casefold()
    return host not in {urlsplit(public_url).netloc.casefold(), request.headers.get("host", "").casefold()}
