"""The HTTP client for vendor APIs. It raises `DeliveryError`s and leaves retries to the ledger.

It retries (with tenacity, for about a second) only when no connection could be made, so that nothing was sent;
otherwise its retries and those of the ledger would multiply.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Protocol

import httpx

from nps_connect.connection import Connection
from nps_connect.errors import ConfigError, DeliveryError, OutcomeUnknown, RateLimited, Rejected, RetryLater
from nps_connect.outcomes import error_for_status, parse_retry_after
from nps_connect.records.connectors import ConnectorInfo, Quota
from nps_connect.records.vendor_responses import VendorResponse
from nps_connect.redaction import Redactor, iter_secrets
from nps_connect.transport import NOT_SENT_ERRORS, DeadlineTransport, connect_retries, deadline
from nps_connect.vendor_notices import VendorNotices

EXCERPT_LENGTH = 2_000
MAX_REDACTED_BYTES = 64 * 1024
MAX_RESPONSE_BYTES = 20 * 1024 * 1024

# httpx and httpcore log whole URLs (query included) and header values at INFO and DEBUG.
logging.getLogger("httpx").setLevel(logging.WARNING)
logging.getLogger("httpcore").setLevel(logging.WARNING)


class RateLimiter(Protocol):
    """Port: keeps the calls of all workers within a vendor's quotas."""

    def acquire(self, connection: str, quota: Quota) -> float:
        """Take one call of the quota; returns the seconds to wait before making it.

        Raises:
            RateLimited: the wait would be too long; no call was taken.
        """

    def record_headers(self, connection: str, quota: Quota, headers: Mapping[str, str]) -> None:
        """Apply the quota headers of a response."""


class UnlimitedRate:
    """A rate limiter that never waits, for tests and for connections without quotas."""

    def acquire(self, connection: str, quota: Quota) -> float:
        """Return 0."""
        return 0.0

    def record_headers(self, connection: str, quota: Quota, headers: Mapping[str, str]) -> None:
        """Ignore the headers."""


class VendorClient:
    """The HTTP client of one connection; thread-safe. It keeps no cookies and follows no redirects.

    Args:
        connection: the connection (without a client yet).
        info: of its plugin.
        transport: replaces the network, for tests.
        rate_limiter: enforces the quotas; None means unlimited.
        connect_timeout, read_timeout: seconds for a single wait.
        total_deadline: seconds for a whole call, from the first connection attempt to the last byte of the response.
        monotonic: source of elapsed time, in seconds.

    Attributes:
        notices: what responses said about the vendor's clock and the ends of calls.

    Raises:
        ConfigError: a credential cannot be sent in an HTTP header.
    """

    def __init__(
        self,
        connection: Connection,
        info: ConnectorInfo,
        *,
        transport: httpx.BaseTransport | None = None,
        rate_limiter: RateLimiter | None = None,
        connect_timeout: float = 5.0,
        read_timeout: float = 20.0,
        total_deadline: float = 30.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        base_url = info.base_url(connection.settings) if info.base_url is not None else None
        if base_url is None:
            raise ValueError(f"plugin {info.name!r} declares no base_url")
        self.notices = VendorNotices()
        self._connection = connection
        self._info = info
        self._rate_limiter = rate_limiter or UnlimitedRate()
        self._total_deadline = total_deadline
        self._monotonic = monotonic
        quotas = info.quotas_for(connection.settings) if info.quotas_for else info.quotas
        self._quotas = {quota.name: quota for quota in quotas}
        auth = info.auth(connection) if info.auth else {}
        headers = {} if isinstance(auth, httpx.Auth) else dict(auth)
        _check_headers(connection.name, headers)
        self._redact = Redactor([*iter_secrets(connection.settings), *headers.values()])
        self._client = httpx.Client(
            base_url=base_url,
            headers={"User-Agent": "nps-connect", "Accept": "application/json", **headers},
            auth=auth if isinstance(auth, httpx.Auth) else None,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            timeout=httpx.Timeout(read_timeout, connect=connect_timeout, pool=connect_timeout),
            transport=transport or DeadlineTransport(),
            follow_redirects=False,
            trust_env=False,
        )
        self._retry_connect = connect_retries(connection.sleep)

    def close(self) -> None:
        """Close pooled network connections."""
        self._client.close()

    def call(
        self,
        method: str,
        path: str,
        *,
        action: str,
        idempotent: bool,
        json: Any = None,  # noqa: ANN401  # JSON has no narrower type
        content: bytes | None = None,
        form: Mapping[str, str] | None = None,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
        quota: str = "general",
        accept: Collection[int] = (),
    ) -> VendorResponse:
        """Send one request and return the response.

        Args:
            method: upper case.
            path: relative to the base URL (or absolute, on the same host); personal data in it must be percent-encoded.
            action: purpose of the call, for error texts and ``deliveries show``.
            idempotent: whether the call can be repeated; selects `RetryLater` or `OutcomeUnknown`.
            json, content, form: the body, one of them.
            params, headers: added to the request.
            idempotency_key: sent in the header that the connector declares.
            quota: the quota that the call counts against.
            accept: statuses other than 2xx that the caller handles itself (such as 404 for "does not exist").

        Raises:
            DeliveryError: by the outcome table; `connection`, `action`, `status`, `request_id` and `exchange` are set.
        """
        sent_headers = dict(headers or {})
        if idempotency_key is not None:
            if self._info.idempotency_header is None:
                raise ValueError(f"plugin {self._info.name!r} declares no idempotency_header")
            sent_headers[self._info.idempotency_header] = idempotency_key
        request = self._request(
            method, path, action, json=json, content=content, data=form, params=params, headers=sent_headers
        )
        self._wait_for_quota(quota, action)
        try:
            response = self._send(request)
        except DeliveryError as error:
            raise self._with_exchange(error, request, action, None) from None
        except httpx.HTTPError as error:
            raise self._with_exchange(self._network_error(error, idempotent), request, action, None) from None
        self.notices.record(action, response.headers, self._connection.clock())
        if quota in self._quotas:
            self._rate_limiter.record_headers(self._connection.name, self._quotas[quota], response.headers)
        if 200 <= response.status < 300 or response.status in accept:
            return response
        raise self._with_exchange(self._status_error(response, idempotent, quota), request, action, response)

    def call_json(self, method: str, path: str, *, action: str, idempotent: bool, **options: Any) -> Any:  # noqa: ANN401
        """Send one request like `call` and return the response's JSON.

        Raises:
            OutcomeUnknown: the response to a non-idempotent call is not JSON.
            RetryLater: the response to an idempotent call is not JSON.
        """
        response = self.call(method, path, action=action, idempotent=idempotent, **options)
        try:
            return response.json()
        except ValueError:
            error_class = RetryLater if idempotent else OutcomeUnknown
            error = error_class(f"{self._info.title} gave an answer that is not JSON")
            raise self._with_exchange(error, self._client.build_request(method, path), action, response) from None

    def _request(self, method: str, path: str, action: str, **parts: Any) -> httpx.Request:  # noqa: ANN401
        try:
            request = self._client.build_request(method, path, **parts)
        except httpx.InvalidURL as error:
            raise Rejected(
                f"{self._info.title} has no address for this call ({self._redact(str(error))})",
                connection=self._connection.name,
                action=action,
            ) from None
        base = self._client.base_url
        if (request.url.scheme, request.url.host, request.url.port) != (base.scheme, base.host, base.port):
            raise Rejected(
                f"a call to {request.url.host} would send it the credentials of {base.host}",
                connection=self._connection.name,
                action=action,
            )
        return request

    def _wait_for_quota(self, name: str, action: str) -> None:
        quota = self._quotas.get(name)
        if quota is None:
            if name != "general":
                raise ValueError(f"plugin {self._info.name!r} declares no quota {name!r}")
            return
        try:
            wait = self._rate_limiter.acquire(self._connection.name, quota)
        except RateLimited as error:
            error.connection, error.action = self._connection.name, action
            raise
        if wait > 0:
            self._connection.sleep(wait)

    def _send(self, request: httpx.Request) -> VendorResponse:
        end = self._monotonic() + self._total_deadline
        with deadline(lambda: end - self._monotonic()):
            response = self._retry_connect(self._client.send, request, stream=True)
            try:
                chunks: list[bytes] = []
                size = 0
                for chunk in response.iter_bytes():
                    chunks.append(chunk)
                    size += len(chunk)
                    if self._monotonic() > end:
                        raise httpx.ReadTimeout("total deadline passed", request=request)
                    if size > MAX_RESPONSE_BYTES:
                        raise httpx.ReadError("answer is larger than 20 MiB", request=request)
            finally:
                response.close()
        headers = {name.lower(): value for name, value in response.headers.items()}
        request_id = headers.get((self._info.request_id_header or "").lower())
        return VendorResponse(response.status_code, headers, b"".join(chunks), request_id)

    def _network_error(self, error: httpx.HTTPError, idempotent: bool) -> DeliveryError:
        reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        if isinstance(error, NOT_SENT_ERRORS):
            address = self._client.base_url.netloc.decode("ascii")
            return RetryLater(f"{self._info.title} at {address} cannot be reached ({reason})")
        if idempotent:
            return RetryLater(f"{self._info.title} gave no complete answer ({reason})")
        return OutcomeUnknown(f"{self._info.title} gave no complete answer, the call may have been applied ({reason})")

    def _status_error(self, response: VendorResponse, idempotent: bool, quota: str) -> DeliveryError:
        now = self._connection.clock()
        error = error_for_status(
            response.status,
            title=self._info.title,
            idempotent=idempotent,
            overrides=self._info.status_overrides,
            after=parse_retry_after(response.headers.get("retry-after"), now),
            quota=quota,
            now=now,
        )
        if self._info.refine is None:
            return error
        try:
            return self._info.refine(error, response, now)
        except Exception:  # noqa: BLE001  # an unexpected body must not change the meaning of the status
            return error

    def _with_exchange(
        self, error: DeliveryError, request: httpx.Request, action: str, response: VendorResponse | None
    ) -> DeliveryError:
        """Complete an error with connection, action and the redacted exchange."""
        redact = self._redact.with_secrets(request.headers.get_list("authorization"))
        error.connection, error.action = self._connection.name, action
        error.message = redact(error.message)
        error.args = (error.message,)
        exchange: dict[str, object] = {"method": request.method, "path": redact(request.url.path)}
        if response is not None:
            error.status, error.request_id = response.status, response.request_id
            exchange |= {
                "status": response.status,
                "request_id": response.request_id,
                "answer": redact(response.body[:MAX_REDACTED_BYTES].decode("utf-8", "replace"))[:EXCERPT_LENGTH],
            }
        error.exchange = exchange
        return error


def _check_headers(connection: str, headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        if value != value.strip() or not (value.isascii() and value.isprintable()):
            raise ConfigError(
                f"the credentials in the header {name} contain a line break, outer spaces or non-ASCII characters",
                key=f"connections.{connection}",
                fix="copy the secret again, without surrounding characters",
            )
