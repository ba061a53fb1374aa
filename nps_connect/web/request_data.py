"""What the application is told of a request: the webhook, the page view, the client's network, a form's origin."""

from __future__ import annotations

import ipaddress
import re
from datetime import datetime
from functools import lru_cache
from urllib.parse import urlsplit

from nps_connect.records.events import WebhookRequest
from nps_connect.records.pages import PageView
from nps_connect.sanitization import one_line
from nps_connect.web.web_request import WebRequest

_BYTE = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = re.compile(rf"((?:{_BYTE}\.){{3}}){_BYTE}", re.ASCII)
MAX_USER_AGENT_LENGTH = 200
MAX_READ_USER_AGENT_LENGTH = 1000
"""Longer ones are cut before they are cleaned and cached."""


def build_webhook_request(request: WebRequest, body: bytes, public_url: str, received_at: datetime) -> WebhookRequest:
    """Build the request as the vendor signed it: the public base URL with path and query exactly as sent."""
    return WebhookRequest(
        method=request.method,
        url=public_url + request.target,
        headers=request.joined_headers(),
        body=body,
        received_at=received_at,
    )


def build_page_view(
    request: WebRequest, at: datetime, *, score: int | None = None, language: str | None = None
) -> PageView:
    """Describe this request as a page view."""
    return PageView(
        method=request.method,
        at=at,
        address=truncate_to_network(request.client_address),
        agent=_clean_user_agent((request.header("user-agent") or "")[:MAX_READ_USER_AGENT_LENGTH]),
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


def is_cross_site(request: WebRequest, public_url: str) -> bool:
    """Return whether a form was submitted from a page of another site.

    `Sec-Fetch-Site` decides where the browser sends it. An `Origin` of ``null`` proves nothing: browsers send it for
    our own forms too, because our pages forbid referrers.
    """
    site = request.header("sec-fetch-site")
    if site is not None:
        return site not in {"same-origin", "none"}
    origin = request.joined_headers().get("origin")
    if origin is None or origin == "null":
        return False
    try:
        scheme, host, *_ = urlsplit(origin.casefold())
    except ValueError:  # no browser sends an unreadable one
        return True
    return not scheme or host not in {urlsplit(public_url).netloc.casefold(), (request.header("host") or "").casefold()}
