"""Reading requests: bodies within a limit, who calls, from where."""

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
from nps_connect.rendering.sanitization import one_line

_BYTE = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = re.compile(rf"((?:{_BYTE}\.){{3}}){_BYTE}", re.ASCII)
BODY_TIMEOUT_SECONDS = 30.0
MAX_USER_AGENT_LENGTH = 200


class UnreadableBody(Exception):
    """The body was not read to its end; `status` says why: 408 too slow, 413 too large, 400 broken off."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(f"body not read ({status})")


async def read_body(request: Request, limit: int) -> bytes:
    """The whole body.

    The announced length is believed only when it is too large already; what really arrives is counted.

    Args:
        request: of which nothing has been read yet.
        limit: in bytes.

    Raises:
        UnreadableBody: it is larger, takes more than 30 s, or breaks off.
    """
    announced = request.headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and int(announced[:20]) > limit:
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
    """The request as the vendor signed it: path and query as called, below the public address."""
    path = request.scope.get("raw_path") or request.scope["path"].encode()
    query = request.scope["query_string"]
    called = path + (b"?" + query if query else b"")
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return WebhookRequest(
        method=request.method,
        url=public_url + called.decode("latin-1"),
        headers=headers,
        body=body,
        received_at=received_at,
    )


def build_visit_info(
    request: Request, at: datetime, *, score: int | None = None, language: str | None = None
) -> PageView:
    """The visit that this request is."""
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
    """A user agent as it is noted; people share them."""
    return one_line(text, MAX_USER_AGENT_LENGTH) or None


def truncate_to_network(address: str | None) -> str | None:
    """The network of an address: enough to see machines, not enough to follow a person (/24 or /48)."""
    usual = _IPV4.fullmatch(address or "")
    if usual:
        return f"{usual[1]}0/24"
    try:
        ip = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return None
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    return str(ipaddress.ip_network((ip, 24 if ip.version == 4 else 48), strict=False))


def is_cross_site(request: Request, public_url: str) -> bool:
    """Whether a form was sent from the page of another site.

    `Sec-Fetch-Site` decides where the browser tells it. An `Origin` of ``null`` proves nothing: browsers send it for
    our own forms too, since our pages forbid referrers.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site not in {"same-origin", "none"}
    origin = request.headers.get("origin")
    if origin is None or origin == "null":
        return False
    asked = urlsplit(origin)
    host = asked.netloc.casefold()
    return host not in {urlsplit(public_url).netloc.casefold(), request.headers.get("host", "").casefold()}
