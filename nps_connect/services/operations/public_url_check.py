"""Check that the public address resolves, has a valid certificate and is answered by the product."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx

from nps_connect.records.base import is_loopback
from nps_connect.records.findings import Finding
from nps_connect.services.operations.ledger_findings import describe_age

HEALTH_PATH = "/healthz"
EXPECTED_ANSWER = {"status": "ok"}
PROBE_TIMEOUT_SECONDS = 10.0
CERTIFICATE_WARNING = timedelta(days=14)
RECENT = timedelta(hours=1)
"""A request from outside within this time proves that the address works there, whatever this host sees."""


def build_probe(transport: httpx.BaseTransport | None = None) -> httpx.Client:
    """Return the client for `check_public_url`, which follows no redirect and uses no proxy."""
    return httpx.Client(timeout=PROBE_TIMEOUT_SECONDS, transport=transport, trust_env=False)


def check_public_url(
    url: str, probe: httpx.Client, now: datetime, last_foreign_request: datetime | None
) -> list[Finding]:
    """Request the health page at the public address from this host, and return what was found.

    Args:
        url: the public address, without a trailing slash.
        probe: the client of `build_probe`.
        now: the present moment.
        last_foreign_request: when the product was last asked by another host; None if never.
    """
    try:
        with probe.stream("GET", url + HEALTH_PATH) as response:
            certificate = list(_certificate_findings(response, url, now))
            answer = response.read()[:1000]
            status = response.status_code
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return [_describe_failure(url, error, now, last_foreign_request)]
    if status == 200 and _parse(answer) == EXPECTED_ANSWER:
        return [*certificate, Finding(severity="ok", subject="public_url", text=f"{url} is answered from this host")]
    text = f"{url} is answered by something else than nps-connect (status {status} for {HEALTH_PATH})"
    fix = "let the reverse proxy pass every path to the address in core.listen, or correct core.public_url"
    return [*certificate, _public_url_error(text, fix)]


def insecure_url_findings(url: str) -> list[Finding]:
    """Return that the public address is used by others without https; empty if it is secure."""
    if url.startswith("https://") or is_public_url_local(url):
        return []
    return [
        Finding(
            id="public-url-insecure",
            severity="error",
            subject="public_url",
            text=f"{url} has no https",
            fix="put a reverse proxy with a certificate before nps-connect; core.public_url then begins with https://",
        )
    ]


def foreign_request_findings(url: str, now: datetime, last_foreign_request: datetime | None) -> list[Finding]:
    """Return when another host was last seen: that this host reaches the address is no proof that others do."""
    if is_public_url_local(url):
        return [Finding(severity="ok", subject="public_url", text=f"{url} is an address of this machine only")]
    if last_foreign_request is None:
        text = "no request from another host has been seen; that this host reaches the address proves nothing"
        fix = f"open {url} on a phone that is not in your network, then run: nps-connect doctor"
        return [Finding(id="public-url", severity="warning", subject="public_url", text=text, fix=fix)]
    text = f"last request from another host {describe_age(now - last_foreign_request)} ago"
    return [Finding(severity="ok", subject="public_url", text=text)]


def is_public_url_local(url: str) -> bool:
    """Return whether only this machine can use the address, as with the sandbox."""
    return is_loopback(urlsplit(url).hostname or "")


def _certificate_findings(response: httpx.Response, url: str, now: datetime) -> Iterator[Finding]:
    stream: Any = response.extensions.get("network_stream")
    tls = stream.get_extra_info("ssl_object") if stream is not None else None
    certificate = tls.getpeercert() if tls is not None else None
    if not certificate:
        return
    expires_at = datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)
    text = f"the certificate of {url} is valid until {expires_at:%Y-%m-%d}"
    if expires_at - now > CERTIFICATE_WARNING:
        yield Finding(severity="ok", subject="public_url", text=text)
    else:
        text += f", {max((expires_at - now).days, 0)} days"
        fix = "renew it; with Let's Encrypt: certbot renew, and look why the timer did not"
        yield Finding(id="certificate-invalid", severity="warning", subject="public_url", text=text, fix=fix)


def _describe_failure(url: str, error: Exception, now: datetime, last_foreign_request: datetime | None) -> Finding:
    host = urlsplit(url).hostname
    causes = list(_causes(error))
    invalid = next((cause for cause in causes if isinstance(cause, ssl.SSLCertVerificationError)), None)
    if invalid is not None:
        text = f"the certificate of {url} is not valid: {invalid.verify_message}"
        fix = "install a certificate for this name with its whole chain; with Let's Encrypt: certbot renew"
        return Finding(id="certificate-invalid", severity="error", subject="public_url", text=text, fix=fix)
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        text = f"the name {host} of core.public_url does not resolve"
        return _public_url_error(text, f"create its DNS record, or correct core.public_url; to see it: dig {host}")
    reason = str(error) or type(error).__name__
    text = f"{url} does not answer this host ({reason})"
    if last_foreign_request is not None and now - last_foreign_request < RECENT:
        age = describe_age(now - last_foreign_request)
        return Finding(severity="ok", subject="public_url", text=f"{text}, but another host reached it {age} ago")
    fix = f"make sure that nps-connect run (or serve) and the reverse proxy work; to see it: curl -v {url}{HEALTH_PATH}"
    return _public_url_error(text, fix)


def _public_url_error(text: str, fix: str) -> Finding:
    return Finding(id="public-url", severity="error", subject="public_url", text=text, fix=fix)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _parse(body: bytes) -> object:
    import json

    try:
        return json.loads(body)
    except ValueError:
        return None
