"""Access control of the simulated Zendesk: authentication, scopes and rate limits."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from nps_connect import VendorReply, VendorRequest, json_reply
from nps_connect_zendesk.simulated.account import AGENT_EMAIL
from nps_connect_zendesk.simulated.replies import Refusal, forbidden

TOKEN = "sandbox-zendesk-token"  # noqa: S105  # of the simulated account
API_TOKEN = "sandbox-zendesk-api-token"  # noqa: S105
CLIENT_ID = "nps_connect"
CLIENT_SECRET = "sandbox-zendesk-client-secret"  # noqa: S105
AUTHORIZATION_CODE = "sandbox-zendesk-code"
API_TOKENS_END = datetime(2027, 4, 30, tzinfo=UTC)
SCOPED_RESOURCES = ("tickets", "users", "webhooks", "triggers", "automations")


@dataclass
class AccessToken:
    """An access token: its scopes, its expiry (None: never), its refresh token, and whether its agent is an admin."""

    scopes: tuple[str, ...]
    expires_at: datetime | None = None
    refresh: str | None = None
    is_admin: bool = True


@dataclass
class TokenRegistry:
    """Every token that the account has issued. A refresh invalidates the old pair immediately."""

    clock: Callable[[], datetime]
    access: dict[str, AccessToken] = field(default_factory=lambda: {TOKEN: AccessToken(("read", "write"))})
    codes: set[str] = field(default_factory=lambda: {AUTHORIZATION_CODE})
    issued_count: int = 0

    def grant(self, request: VendorRequest) -> VendorReply:
        """Answer a request to the token endpoint."""
        form = self._form(request)
        if form.get("client_id") != CLIENT_ID or form.get("client_secret") != CLIENT_SECRET:
            return _grant_error(401, "invalid_client")
        kind = form.get("grant_type")
        if kind == "client_credentials":
            return self._issue(str(form.get("scope") or "read"), form, with_refresh=False)
        if kind == "authorization_code" and form.get("code") in self.codes:
            self.codes.discard(str(form["code"]))
            return self._issue(str(form.get("scope") or "read"), form, with_refresh=True)
        if kind == "refresh_token":
            for name, token in list(self.access.items()):
                if token.refresh is not None and token.refresh == form.get("refresh_token"):
                    del self.access[name]
                    return self._issue(" ".join(token.scopes), form, with_refresh=True)
        return _grant_error(400, "invalid_grant")

    @staticmethod
    def _form(request: VendorRequest) -> dict[str, object]:
        try:
            form = request.json()
        except ValueError:
            return {}
        return form if isinstance(form, dict) else {}

    def _issue(self, scope: str, form: dict[str, object], *, with_refresh: bool) -> VendorReply:
        self.issued_count += 1
        lifetime = form.get("expires_in")
        seconds = lifetime if isinstance(lifetime, int) else 172_800
        refresh = f"sandbox-refresh-{self.issued_count}" if with_refresh else None
        name = f"sandbox-access-{self.issued_count}"
        self.access[name] = AccessToken(tuple(scope.split()), self.clock() + timedelta(seconds=seconds), refresh)
        body = {"access_token": name, "token_type": "bearer", "scope": scope, "expires_in": seconds}
        return json_reply(200, {**body, **({"refresh_token": refresh} if refresh else {})})

    def check(self, request: VendorRequest) -> AccessToken:
        """Return the caller's token.

        Raises:
            Refusal: 401 or 403.
        """
        kind, _, value = request.headers.get("authorization", "").partition(" ")
        if kind == "Basic":
            return self._basic(value)
        token = self.access.get(value) if kind == "Bearer" else None
        if token is None or (token.expires_at is not None and token.expires_at <= self.clock()):
            text = "The access token provided is expired, revoked, malformed or invalid for other reasons."
            raise Refusal(json_reply(401, {"error": "invalid_token", "error_description": text}))
        needed = _scopes_for(request)
        if not set(needed) & set(token.scopes):
            raise forbidden(needed)
        return token

    def _basic(self, value: str) -> AccessToken:
        try:
            pair = base64.b64decode(value, validate=True).decode()
        except ValueError:
            pair = ""
        if pair != f"{AGENT_EMAIL}/token:{API_TOKEN}" or self.clock() >= API_TOKENS_END:
            raise Refusal(json_reply(401, {"error": "Couldn't authenticate you"}))
        return AccessToken(("read", "write"))


def _grant_error(status: int, code: str) -> VendorReply:
    text = "The provided authorization grant is invalid, expired, revoked, or was issued to another client."
    return json_reply(status, {"error": code, "error_description": text})


def _scopes_for(request: VendorRequest) -> tuple[str, ...]:
    access = "read" if request.method in ("GET", "HEAD") else "write"
    resource = request.path.removeprefix("/api/v2/").partition("/")[0]
    return (f"{resource}:{access}", access) if resource in SCOPED_RESOURCES else (access,)


@dataclass
class RateLimits:
    """Calls per minute and narrower limits; each is counted in windows that start with the first call.

    Attributes:
        per_minute: the account's quota.
        updates_per_minute: ticket updates of the account.
        per_ticket: updates of one ticket in ten minutes.
        per_user: updates of one user in a minute.
        exports: calls of the incremental exports in a minute.
    """

    clock: Callable[[], datetime]
    per_minute: int = 700
    updates_per_minute: int = 100
    per_ticket: int = 30
    per_user: int = 5
    exports: int = 10
    windows: dict[str, tuple[datetime, int]] = field(default_factory=dict)

    def count(self, name: str, limit: int, seconds: int = 60) -> tuple[bool, int, int]:
        """Count one call; return whether it is allowed, how many are left, and the seconds until the window ends."""
        now = self.clock()
        started, used = self.windows.get(name, (now, 0))
        if now >= started + timedelta(seconds=seconds):
            started, used = now, 0
        resets = max(1, int((started + timedelta(seconds=seconds) - now).total_seconds()))
        if used >= limit:
            return False, 0, resets
        self.windows[name] = (started, used + 1)
        return True, limit - used - 1, resets

    def general(self) -> dict[str, str]:
        """Count one call against the account's quota, and return the quota headers.

        Raises:
            Refusal: 429.
        """
        allowed, remaining, resets = self.count("account", self.per_minute)
        headers = {
            "x-rate-limit": str(self.per_minute),
            "x-rate-limit-remaining": str(remaining),
            "ratelimit-limit": str(self.per_minute),
            "ratelimit-remaining": str(remaining),
            "ratelimit-reset": str(resets),
        }
        if not allowed:
            text = "Number of allowed API requests per minute exceeded"
            raise Refusal(_rate_limit_reply({"error": "APIRateLimitExceeded", "description": text}, resets, headers))
        return headers

    def ticket_update(self, ticket_id: int) -> None:
        """Count an update of a ticket.

        Raises:
            Refusal: 429.
        """
        allowed, _, resets = self.count("updates", self.updates_per_minute)
        if not allowed:
            text = "Rate limit for ticket updates exceeded, please wait before trying again"
            raise Refusal(_rate_limit_reply({"error": "TooManyRequests", "description": text}, resets, {}))
        if not self.count(f"ticket {ticket_id}", self.per_ticket, 600)[0]:
            raise Refusal(_text_reply("You have exceeded the rate limit for updating a single unique ticket."))

    def user_update(self, user_id: int) -> None:
        """Count an update of a user.

        Raises:
            Refusal: 429, as plain text without `Retry-After`.
        """
        if not self.count(f"user {user_id}", self.per_user)[0]:
            raise Refusal(_text_reply("You have exceeded the rate limit for updating a single unique user."))

    def export(self) -> None:
        """Count a call of an incremental export.

        Raises:
            Refusal: 429.
        """
        allowed, _, resets = self.count("exports", self.exports)
        if not allowed:
            raise Refusal(
                _rate_limit_reply({"error": "TooManyRequests", "description": "Too many exports"}, resets, {})
            )


def _rate_limit_reply(body: dict[str, str], resets: int, headers: dict[str, str]) -> VendorReply:
    all_headers = {"content-type": "application/json", "retry-after": str(resets), **headers}
    return VendorReply(429, json.dumps(body).encode(), all_headers)


def _text_reply(text: str) -> VendorReply:
    return VendorReply(429, text.encode(), {"content-type": "text/plain"})
