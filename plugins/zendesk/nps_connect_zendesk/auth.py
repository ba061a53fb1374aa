"""Authentication: a fixed token, the legacy API token, or an OAuth client with self-renewing tokens.

Source: developer.zendesk.com/api-reference/ticketing/oauth/grant_type_tokens/. A refresh returns a new refresh token
and invalidates the old pair immediately, so the new pair is stored before it is used, and only one thread of one worker
renews at a time.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import httpx

from nps_connect import AuthFailed, Connection, RetryLater, hookimpl
from nps_connect_zendesk.settings import ZendeskSettings

TOKEN_PATH = "/oauth/tokens"  # noqa: S105  # a path
TOKEN_STORE_KEY = "oauth"  # noqa: S105  # the name of an entry
REFRESH_MARGIN = timedelta(minutes=5)
ACCESS_SECONDS = 86_400
REFRESH_SECONDS = 7_776_000
DEFAULT_ACCESS_SECONDS = 1_800
REJECTED_STATUSES = (400, 401, 403, 404, 422)


@dataclass(frozen=True)
class TokenPair:
    """A pair of tokens from the token endpoint.

    Attributes:
        access_token: for the `Authorization` header.
        refresh_token: for the next pair; None with client credentials.
        expires_at: seconds since 1970.
    """

    access_token: str
    refresh_token: str | None
    expires_at: float

    def is_valid(self, now: datetime) -> bool:
        """Return whether the token is valid for at least `REFRESH_MARGIN` from now."""
        return now.timestamp() + REFRESH_MARGIN.total_seconds() < self.expires_at


def authenticate(connection: Connection[ZendeskSettings]) -> Mapping[str, str] | httpx.Auth:
    """Return the authentication that the connection's settings select."""
    settings = connection.settings
    if settings.access_token is not None:
        return {"Authorization": f"Bearer {settings.access_token.get_secret_value()}"}
    if settings.api_token is not None:
        pair = f"{settings.email}/token:{settings.api_token.get_secret_value()}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    return OAuth(connection)


@hookimpl
def nps_authorize(connection: Connection[ZendeskSettings], code: str | None) -> str | None:
    """Return the address where an admin consents, or redeem the code of that consent and store the tokens.

    Raises:
        AuthFailed: Zendesk rejects the code.
        DeliveryError: any other.
    """
    if connection.settings.grant != "authorization_code":
        return None
    if code is None:
        return build_consent_url(connection)
    redeem_code(connection, code)
    return None


def build_consent_url(connection: Connection[ZendeskSettings]) -> str:
    """Return the address where an admin authorises the OAuth client (authorization code grant)."""
    settings = connection.settings
    query = {
        "response_type": "code",
        "client_id": settings.client_id,
        "redirect_uri": settings.redirect_uri,
        "scope": " ".join(settings.scopes),
    }
    return f"{settings.address}/oauth/authorizations/new?{urlencode(query)}"


def redeem_code(connection: Connection[ZendeskSettings], code: str) -> None:
    """Exchange an authorization code for a pair of tokens, which is stored before it is used.

    Raises:
        AuthFailed: Zendesk rejects the code.
        DeliveryError: any other; a code is valid for one attempt.
    """
    settings, tokens = connection.settings, connection.tokens
    if tokens is None:
        raise AuthFailed("there is no ledger to store the tokens in")
    with tokens.exclusive(TOKEN_STORE_KEY):
        response = connection.http.call(
            "POST",
            TOKEN_PATH,
            action="authorize",
            idempotent=False,
            json={
                "grant_type": "authorization_code",
                "code": code.strip(),
                "client_id": settings.client_id,
                "client_secret": _client_secret(settings),
                "redirect_uri": settings.redirect_uri,
                "scope": " ".join(settings.scopes),
                "expires_in": ACCESS_SECONDS,
                "refresh_token_expires_in": REFRESH_SECONDS,
            },
            accept=REJECTED_STATUSES,
        )
        pair, reason = parse_token_response(response.status, response.body, connection.clock())
        if pair is None:
            raise AuthFailed(
                f"Zendesk rejects the code ({reason}): a code is valid once and for two minutes, and client_id, "
                "client_secret and redirect_uri must be those of the consent; start again"
            )
        tokens.write(TOKEN_STORE_KEY, json.dumps(asdict(pair)))


def parse_token_response(status: int, body: bytes, now: datetime) -> tuple[TokenPair | None, str]:
    """Return the pair from a token response, or None and the reason."""
    try:
        content = json.loads(body)
    except ValueError:
        content = None
    fields = content if isinstance(content, dict) else {}
    if status >= 400 or not isinstance(fields.get("access_token"), str):
        return None, str(fields.get("error") or f"status {status}")
    lifetime, refresh = fields.get("expires_in"), fields.get("refresh_token")
    seconds = lifetime if isinstance(lifetime, int | float) and lifetime > 0 else DEFAULT_ACCESS_SECONDS
    return TokenPair(
        access_token=fields["access_token"],
        refresh_token=refresh if isinstance(refresh, str) else None,
        expires_at=now.timestamp() + seconds,
    ), ""


class OAuth(httpx.Auth):
    """Authenticates requests with the token of an OAuth client, which it fetches and renews as needed.

    Thread-safe. With a token store, all workers share one pair.
    """

    def __init__(self, connection: Connection[ZendeskSettings]) -> None:
        self._connection = connection
        self._settings = connection.settings
        self._pair: TokenPair | None = None
        self._lock = threading.Lock()

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Authenticate the request; repeat it with a new token if the vendor rejects the current one."""
        if request.url.path.endswith(TOKEN_PATH):  # authenticated by the client secret in its body
            yield request
            return
        pair = yield from self._usable_token(rejected=None)
        request.headers["Authorization"] = f"Bearer {pair.access_token}"
        response = yield request
        if response.status_code == 401:
            pair = yield from self._usable_token(rejected=pair.access_token)
            request.headers["Authorization"] = f"Bearer {pair.access_token}"
            yield request

    def _usable_token(self, rejected: str | None) -> Generator[httpx.Request, httpx.Response, TokenPair]:
        with self._lock:
            if self._is_usable(self._pair, rejected):
                return self._pair  # type: ignore[return-value]
            with self._refresh_lock():
                stored = self._load()
                if not self._is_usable(stored, rejected):
                    stored = yield from self._renew(stored)
                self._pair = stored
                return stored  # type: ignore[return-value]

    def _is_usable(self, pair: TokenPair | None, rejected: str | None) -> bool:
        return pair is not None and pair.access_token != rejected and pair.is_valid(self._connection.clock())

    def _refresh_lock(self) -> AbstractContextManager[None]:
        tokens = self._connection.tokens
        return tokens.exclusive(TOKEN_STORE_KEY) if tokens is not None else nullcontext()

    def _renew(self, previous: TokenPair | None) -> Generator[httpx.Request, httpx.Response, TokenPair]:
        response = yield httpx.Request(
            "POST",
            f"{self._settings.address}{TOKEN_PATH}",
            json={"client_id": self._settings.client_id, "client_secret": self._secret(), **self._grant(previous)},
            headers={"Accept": "application/json"},
        )
        response.read()
        pair = self._parse(response)
        if self._connection.tokens is not None:
            self._connection.tokens.write(TOKEN_STORE_KEY, json.dumps(asdict(pair)))
        return pair

    def _grant(self, previous: TokenPair | None) -> dict[str, Any]:
        lifetime = {"expires_in": ACCESS_SECONDS}
        if self._settings.grant == "client_credentials":
            return {"grant_type": "client_credentials", "scope": " ".join(self._settings.scopes), **lifetime}
        if previous is not None and previous.refresh_token is not None:
            lifetime["refresh_token_expires_in"] = REFRESH_SECONDS
            return {"grant_type": "refresh_token", "refresh_token": previous.refresh_token, **lifetime}
        raise AuthFailed(f"Zendesk is not connected yet: {self._how_to_connect()}")

    def _parse(self, response: httpx.Response) -> TokenPair:
        status = response.status_code
        if status == 429 or status >= 500:
            raise RetryLater(f"Zendesk's token endpoint returned {status}")
        pair, reason = parse_token_response(status, response.content, self._connection.clock())
        if pair is not None:
            return pair
        if self._settings.grant == "client_credentials":
            raise AuthFailed(f"Zendesk refuses the OAuth client ({reason}): check client_id, client_secret, scopes")
        raise AuthFailed(f"Zendesk's grant is no longer valid ({reason}), reconnect: {self._how_to_connect()}")

    def _load(self) -> TokenPair | None:
        if self._connection.tokens is None:
            return self._pair
        text = self._connection.tokens.read(TOKEN_STORE_KEY)
        if text is None:
            return None
        try:
            return TokenPair(**json.loads(text))
        except (ValueError, TypeError):
            return None

    def _secret(self) -> str:
        return _client_secret(self._settings)

    def _how_to_connect(self) -> str:
        return f"run 'nps-connect connections login {self._connection.name}'"


def _client_secret(settings: ZendeskSettings) -> str:
    if settings.client_secret is None:
        raise AuthFailed("the connection has no client_secret")
    return settings.client_secret.get_secret_value()
