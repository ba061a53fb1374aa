"""The one vendor client. It raises the error family; it never decides on a longer wait.

A short retry (tenacity) happens only when no connection could be made, so surely nothing was sent; everything else
belongs to the ledger, so that retries never stack.
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

EXCERPT_LENGTH = 2_000
MAX_REDACTED_BYTES = 64 * 1024
MAX_RESPONSE_BYTES = 20 * 1024 * 1024

# These two write whole addresses (query included) and header values at INFO and DEBUG.
logging.getLogger("httpx").setLevel(logging.WARNING)
logging.getLogger("httpcore").setLevel(logging.WARNING)


class QuotaGate(Protocol):
    """Keeps the calls of all workers within a vendor's quotas."""

    def before(self, connection: str, quota: Quota) -> float:
        """Take one call; returns the seconds to wait before making it (0 = now).

        Raises:
            RateLimited: the quota is used up for longer than a short wait; nothing was taken.
        """

    def after(self, connection: str, quota: Quota, headers: Mapping[str, str]) -> None:
        """Learn from the vendor's own quota headers."""


class UnlimitedGate:
    """A gate that never waits: for tests and for connections without quotas."""

    def before(self, connection: str, quota: Quota) -> float:
        """No wait."""
        return 0.0

    def after(self, connection: str, quota: Quota, headers: Mapping[str, str]) -> None:
        """Nothing to learn."""


class VendorClient:
    """HTTP for one connection; safe for use by several threads. Keeps no cookies and follows no redirects.

    Args:
        connection: the connection (without a client yet).
        info: what its plugin declares.
        transport: replaces the network, for tests.
        gate: keeps the quotas.
        connect_timeout, read_timeout: seconds for a single wait.
        total_deadline: seconds for a whole call, from the first try to connect to the last byte of the answer.
        monotonic: source of elapsed time, in seconds.

    Raises:
        ConfigError: a credential cannot be sent in an HTTP header.
    """

    def __init__(
        self,
        connection: Connection,
        info: ConnectorInfo,
        *,
        transport: httpx.BaseTransport | None = None,
        gate: QuotaGate | None = None,
        connect_timeout: float = 5.0,
        read_timeout: float = 20.0,
        total_deadline: float = 30.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        if info.base_url is None:
            raise ValueError(f"plugin {info.name!r} declares no base_url")
        self._connection = connection
        self._info = info
        self._gate = gate or UnlimitedGate()
        self._total_deadline = total_deadline
        self._monotonic = monotonic
        quotas = info.quotas_for(connection.settings) if info.quotas_for else info.quotas
        self._quotas = {quota.name: quota for quota in quotas}
        auth = info.auth(connection) if info.auth else {}
        headers = {} if isinstance(auth, httpx.Auth) else dict(auth)
        _check_headers(connection.name, headers)
        self._redact = Redactor([*iter_secrets(connection.settings), *headers.values()])
        self._client = httpx.Client(
            base_url=info.base_url(connection.settings),
            headers={"User-Agent": "nps-connect", "Accept": "application/json", **headers},
            auth=auth if isinstance(auth, httpx.Auth) else None,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            timeout=httpx.Timeout(read_timeout, connect=connect_timeout, pool=connect_timeout),
            transport=transport or DeadlineTransport(),
            follow_redirects=False,
            trust_env=False,
        )
        self._before_sending = connect_retries(connection.sleep)

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
        """Make one request and give its answer.

        Args:
            method: upper case.
            path: relative to the base URL (or absolute, on the same host); personal data in it must be percent-encoded.
            action: what the call is for, for error texts and ``deliveries show``.
            idempotent: repeating the call does no harm; decides between `RetryLater` and `OutcomeUnknown`.
            json, content, form: the body, one of them.
            idempotency_key: sent in the header that the connector declares.
            quota: which quota the call counts against.
            accept: statuses beside 2xx that the caller reads itself (such as 404 for "not there").

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
            answer = self._send(request)
        except DeliveryError as error:
            raise self._told(error, request, action, None) from None
        except httpx.HTTPError as error:
            raise self._told(self._network_error(error, idempotent), request, action, None) from None
        if quota in self._quotas:
            self._gate.after(self._connection.name, self._quotas[quota], answer.headers)
        if 200 <= answer.status < 300 or answer.status in accept:
            return answer
        raise self._told(self._refused(answer, idempotent, quota), request, action, answer)

    def call_json(self, method: str, path: str, *, action: str, idempotent: bool, **more: Any) -> Any:  # noqa: ANN401
        """Like `call`, for an answer that must be JSON.

        Raises:
            OutcomeUnknown: an unreadable answer to a non-idempotent call.
            RetryLater: an unreadable answer to an idempotent one.
        """
        answer = self.call(method, path, action=action, idempotent=idempotent, **more)
        try:
            return answer.json()
        except ValueError:
            kind = RetryLater if idempotent else OutcomeUnknown
            error = kind(f"{self._info.title} gave an answer that is not JSON")
            raise self._told(error, self._client.build_request(method, path), action, answer) from None

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
                f"a call to {request.url.host} would give it the credentials of {base.host}",
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
            wait = self._gate.before(self._connection.name, quota)
        except RateLimited as error:
            error.connection, error.action = self._connection.name, action
            raise
        if wait > 0:
            self._connection.sleep(wait)

    def _send(self, request: httpx.Request) -> VendorResponse:
        end = self._monotonic() + self._total_deadline
        with deadline(lambda: end - self._monotonic()):
            response = self._before_sending(self._client.send, request, stream=True)
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
        what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        if isinstance(error, NOT_SENT_ERRORS):
            return RetryLater(f"{self._info.title} at {self._client.base_url.host} cannot be reached ({what})")
        if idempotent:
            return RetryLater(f"{self._info.title} gave no complete answer ({what})")
        return OutcomeUnknown(f"{self._info.title} gave no complete answer, the call may have been applied ({what})")

    def _refused(self, answer: VendorResponse, idempotent: bool, quota: str) -> DeliveryError:
        now = self._connection.clock()
        error = error_for_status(
            answer.status,
            title=self._info.title,
            idempotent=idempotent,
            overrides=self._info.status_overrides,
            after=parse_retry_after(answer.headers.get("retry-after"), now),
            quota=quota,
            now=now,
        )
        if self._info.refine is None:
            return error
        try:
            return self._info.refine(error, answer, now)
        except Exception:  # noqa: BLE001  # an answer in an odd shape must not change what its status means
            return error

    def _told(
        self, error: DeliveryError, request: httpx.Request, action: str, answer: VendorResponse | None
    ) -> DeliveryError:
        redact = self._redact.with_secrets(request.headers.get_list("authorization"))
        error.connection, error.action = self._connection.name, action
        error.message = redact(error.message)
        error.args = (error.message,)
        exchange: dict[str, object] = {"method": request.method, "path": redact(request.url.path)}
        if answer is not None:
            error.status, error.request_id = answer.status, answer.request_id
            exchange |= {
                "status": answer.status,
                "request_id": answer.request_id,
                "answer": redact(answer.body[:MAX_REDACTED_BYTES].decode("utf-8", "replace"))[:EXCERPT_LENGTH],
            }
        error.exchange = exchange
        return error


def _check_headers(connection: str, headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        if value != value.strip() or not (value.isascii() and value.isprintable()):
            raise ConfigError(
                f"the credentials for the header {name} hold a line break, an outer space or a letter with an accent",
                key=f"connections.{connection}",
                fix="copy the secret again, without anything around it",
            )
