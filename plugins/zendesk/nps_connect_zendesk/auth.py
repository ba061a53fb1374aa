"""Signing in: a fixed token, the legacy API token, or an OAuth client whose tokens renew themselves.

Source: developer.zendesk.com/api-reference/ticketing/oauth/grant_type_tokens/. A refresh gives a new refresh token and
ends the old pair at once, so the new pair is stored before it is used, and only one thread of one worker renews at a
time.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import httpx

from nps_connect import AuthFailed, Connection, RetryLater

TOKEN_PATH = "/oauth/tokens"  # noqa: S105  # a path
STORED_AS = "oauth"
MARGIN = timedelta(minutes=5)
ACCESS_SECONDS = 86_400
REFRESH_SECONDS = 7_776_000
ASSUMED_SECONDS = 1_800


@dataclass(frozen=True)
class TokenPair:
    """What the token endpoint gave.

    Attributes:
        access_token: for the `Authorization` header.
        refresh_token: for the next pair, or none (client credentials).
        expires_at: seconds since 1970.
        code_digest: which authorization code the pair came from, so that the code is redeemed once only.
    """

    access_token: str
    refresh_token: str | None
    expires_at: float
    code_digest: str | None = None

    def fresh(self, now: datetime) -> bool:
        """Whether the token lasts longer than a few minutes from now."""
        return now.timestamp() + MARGIN.total_seconds() < self.expires_at


def authenticate(connection: Connection) -> Mapping[str, str] | httpx.Auth:
    """The connection's way to sign in, from its settings."""
    settings = connection.settings
    if settings.access_token is not None:
        return {"Authorization": f"Bearer {settings.access_token.get_secret_value()}"}
    if settings.api_token is not None:
        pair = f"{settings.email}/token:{settings.api_token.get_secret_value()}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    return OAuth(connection)


def consent_address(connection: Connection) -> str:
    """Where an admin lets the OAuth client act for them (authorization code grant)."""
    settings = connection.settings
    query = {
        "response_type": "code",
        "client_id": settings.client_id,
        "redirect_uri": settings.redirect_uri,
        "scope": " ".join(settings.scopes),
    }
    return f"{settings.address}/oauth/authorizations/new?{urlencode(query)}"


class OAuth(httpx.Auth):
    """Signs requests with the token of an OAuth client, fetching and renewing it as needed.

    Safe for several threads. With a token store, all workers share one pair.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._settings = connection.settings
        self._pair: TokenPair | None = None
        self._lock = threading.Lock()

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Sign the request; once more with a new token when the vendor no longer knows the one that we held."""
        pair = yield from self._usable(refused=None)
        request.headers["Authorization"] = f"Bearer {pair.access_token}"
        response = yield request
        if response.status_code == 401:
            pair = yield from self._usable(refused=pair.access_token)
            request.headers["Authorization"] = f"Bearer {pair.access_token}"
            yield request

    def _usable(self, refused: str | None) -> Generator[httpx.Request, httpx.Response, TokenPair]:
        with self._lock:
            if self._serves(self._pair, refused):
                return self._pair  # type: ignore[return-value]
            with self._alone():
                stored = self._load()
                if not self._serves(stored, refused):
                    stored = yield from self._renew(stored)
                self._pair = stored
                return stored  # type: ignore[return-value]

    def _serves(self, pair: TokenPair | None, refused: str | None) -> bool:
        if pair is None or pair.access_token == refused or not pair.fresh(self._connection.clock()):
            return False
        return not self._has_new_code(pair)

    def _alone(self) -> AbstractContextManager[None]:
        tokens = self._connection.tokens
        return tokens.exclusive(STORED_AS) if tokens is not None else nullcontext()

    def _renew(self, known: TokenPair | None) -> Generator[httpx.Request, httpx.Response, TokenPair]:
        asked = self._grant(known)
        response = yield httpx.Request(
            "POST",
            f"{self._settings.address}{TOKEN_PATH}",
            json={"client_id": self._settings.client_id, "client_secret": self._secret(), **asked},
            headers={"Accept": "application/json"},
        )
        response.read()
        pair = self._read(response, known, from_code=asked["grant_type"] == "authorization_code")
        if self._connection.tokens is not None:
            self._connection.tokens.write(STORED_AS, json.dumps(asdict(pair)))
        return pair

    def _grant(self, known: TokenPair | None) -> dict[str, Any]:
        lifetime = {"expires_in": ACCESS_SECONDS}
        if self._settings.grant == "client_credentials":
            return {"grant_type": "client_credentials", "scope": " ".join(self._settings.scopes), **lifetime}
        lifetime["refresh_token_expires_in"] = REFRESH_SECONDS
        if self._settings.authorization_code is not None and (known is None or self._has_new_code(known)):
            return {
                "grant_type": "authorization_code",
                "code": self._settings.authorization_code.get_secret_value(),
                "redirect_uri": self._settings.redirect_uri,
                "scope": " ".join(self._settings.scopes),
                **lifetime,
            }
        if known is not None and known.refresh_token is not None:
            return {"grant_type": "refresh_token", "refresh_token": known.refresh_token, **lifetime}
        raise AuthFailed(f"Zendesk is not connected yet: {self._how_to_connect()}")

    def _read(self, response: httpx.Response, known: TokenPair | None, *, from_code: bool) -> TokenPair:
        status = response.status_code
        if status == 429 or status >= 500:
            raise RetryLater(f"Zendesk's token endpoint answered {status}")
        body = _json(response)
        if status >= 400 or not isinstance(body.get("access_token"), str):
            reason = str(body.get("error") or f"status {status}")
            if self._settings.grant == "client_credentials":
                raise AuthFailed(f"Zendesk refuses the OAuth client ({reason}): check client_id, client_secret, scopes")
            raise AuthFailed(f"Zendesk's grant is no longer valid ({reason}), reconnect: {self._how_to_connect()}")
        lasts = body.get("expires_in")
        seconds = lasts if isinstance(lasts, int | float) and lasts > 0 else ASSUMED_SECONDS
        refresh = body.get("refresh_token")
        return TokenPair(
            access_token=body["access_token"],
            refresh_token=refresh if isinstance(refresh, str) else None,
            expires_at=self._connection.clock().timestamp() + seconds,
            code_digest=self._code_digest() if from_code else (known.code_digest if known else None),
        )

    def _load(self) -> TokenPair | None:
        if self._connection.tokens is None:
            return self._pair
        text = self._connection.tokens.read(STORED_AS)
        if text is None:
            return None
        try:
            return TokenPair(**json.loads(text))
        except (ValueError, TypeError):
            return None

    def _secret(self) -> str:
        secret: str = self._settings.client_secret.get_secret_value()
        return secret

    def _code_digest(self) -> str | None:
        code = self._settings.authorization_code
        return None if code is None else hashlib.sha256(code.get_secret_value().encode()).hexdigest()

    def _has_new_code(self, pair: TokenPair) -> bool:
        digest = self._code_digest()
        return digest is not None and digest != pair.code_digest

    def _how_to_connect(self) -> str:
        return (
            f"open {consent_address(self._connection)} as an admin, put the code of the answer into "
            f"authorization_code, and run 'nps-connect connections check {self._connection.name}' within two minutes"
        )


def _json(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
